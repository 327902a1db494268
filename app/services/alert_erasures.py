"""An end user erased on request is named no more by alert rules, alerts, and what webhooks were sent."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.models import Alert, AlertRule, Delivery
from app.services.usage_hours import ERASED


def forget(session: Session, workspace_id: str, end_user: str, project_id: str | None) -> None:
    """Delete the rules that watch them, and take their name out of what those rules told."""
    mine = [AlertRule.workspace_id == workspace_id]
    mine.append(AlertRule.config[("where", "end_user")].as_string() == end_user)
    if project_id is not None:
        mine.append(AlertRule.project_id == project_id)
    session.execute(delete(AlertRule).where(*mine).execution_options(synchronize_session=False))
    for alert in session.scalars(
        select(Alert).where(
            Alert.workspace_id == workspace_id, Alert.facts[("where", "end_user")].as_string() == end_user
        )
    ):
        if project_id in (None, alert.facts.get("project_id")):
            alert.facts = without(alert.facts)
    of_alerts = Delivery.payload[("data", "where", "end_user")].as_string() == end_user
    for row in session.scalars(select(Delivery).where(Delivery.workspace_id == workspace_id, of_alerts)):
        if project_id in (None, row.payload["data"].get("project_id")):
            row.payload = {**row.payload, "data": without(row.payload["data"])}


def without(facts: dict[str, Any]) -> dict[str, Any]:
    """Return an alert's facts, of no one in particular."""
    return {**facts, "where": {**facts["where"], "end_user": ERASED}}
