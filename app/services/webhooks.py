"""Webhooks: who is told of events, and noting an event for them in the transaction that causes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.database import after_commit
from app.domain.ids import new_id
from app.domain.webhooks import payload_of, wants
from app.models import Delivery, Webhook, Workspace
from app.models.columns import utc_now
from app.services import queue

SEND = "app.jobs.webhooks.send"


def note(
    session: Session, workspace_id: str, event: str, data: Mapping[str, Any], project_id: str | None = None
) -> None:
    """Have every webhook told that wants this event; rung once committed.

    `project_id`: the project that it concerns, so that webhooks of this project alone are told as well.
    """
    query = select(Webhook).where(Webhook.workspace_id == workspace_id, Webhook.active)
    of_project = or_(Webhook.project_id.is_(None), Webhook.project_id == project_id)
    told = [row for row in session.scalars(query.where(of_project)) if wants(row.events, event)]
    if not told:
        return
    slug = session.scalar(select(Workspace.slug).where(Workspace.id == workspace_id))
    payload = payload_of(new_id(), event, utc_now(), {"workspace": slug, **data})
    for webhook in told:
        put(session, webhook, payload)


def put(session: Session, webhook: Webhook, payload: dict[str, Any]) -> Delivery:
    """Put an event into the outbox; one for a webhook that fails waits for the schedule."""
    row = Delivery(
        id=new_id(), workspace_id=webhook.workspace_id, webhook_id=webhook.id, event_id=payload["id"],
        event=payload["type"], payload=payload, state="pending", tries=0,
    )  # fmt: skip
    session.add(row)
    if webhook.failing_since is None:
        after_commit(session, lambda: ring(row.id))
    return row


def ring(delivery_id: str) -> None:
    """Have the event delivered soon; should this get lost, the schedule finds it."""
    queue.ring(SEND, delivery_id)
