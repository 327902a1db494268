"""Alerts: noted in the transaction that causes them, mailed by a job; once a day, kind and subject (O30)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from app.database import insert_into
from app.domain.ids import new_id
from app.models import Alert


def note(session: Session, workspace_id: str, kind: str, subject: str, facts: dict[str, Any]) -> bool:
    """Note an alert of today (UTC); say whether it is the first of its kind and subject."""
    now = datetime.now(UTC)
    insert = insert_into(session, Alert)
    values = {"id": new_id(), "workspace_id": workspace_id, "kind": kind, "subject": subject, "facts": facts}
    statement = insert.values(**values, day=now.date(), created_at=now).on_conflict_do_nothing()
    return bool(session.execute(statement).rowcount)  # type: ignore[attr-defined]
