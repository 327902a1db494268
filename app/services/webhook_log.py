"""What was delivered to a webhook and what came of it; an event sent by hand, for a test or once more."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.database import after_commit, database
from app.domain.actors import Actor
from app.domain.errors import Conflict, NotFound
from app.domain.ids import is_uuid
from app.domain.webhooks import TEST
from app.models import Delivery, Webhook
from app.models.columns import utc_now
from app.services import webhooks

MOST_A_MINUTE = 30  # tests and resends of one webhook


def list_page(
    actor: Actor, workspace_id: str, webhook_id: str, *, before_id: str | None = None, limit: int = 50
) -> list[Delivery]:
    """Return a webhook's deliveries, newest first: those right before `before_id`."""

    def work(session: Session) -> list[Delivery]:
        row = webhooks.owned(session, actor, workspace_id, webhook_id, "viewer")
        query = select(Delivery).where(Delivery.webhook_id == row.id)
        if before_id is not None:
            query = query.where(Delivery.id < before_id)
        return list(session.scalars(query.order_by(Delivery.id.desc()).limit(limit)))

    return database.read(work)


def find(actor: Actor, workspace_id: str, webhook_id: str, delivery_id: str) -> Delivery:
    """Return one delivery; raise NotFound when it is another webhook's."""

    def work(session: Session) -> Delivery:
        row = webhooks.owned(session, actor, workspace_id, webhook_id, "viewer")
        return delivered(session, row, delivery_id)

    return database.read(work)


def test(actor: Actor, workspace_id: str, webhook_id: str) -> Delivery:
    """Send an event that says nothing but that events arrive. Admins only."""

    def work(session: Session) -> Delivery:
        row = by_hand(session, actor, workspace_id, webhook_id)
        data = {"webhook": row.name, "text": "This is a test: events arrive."}
        payload = webhooks.payload_for(session, workspace_id, TEST, data)
        return send_now(session, row, payload)

    return database.transaction(work)


def resend(actor: Actor, workspace_id: str, webhook_id: str, delivery_id: str) -> Delivery:
    """Send an event once more, as a delivery of its own that bears the same event's id. Admins only."""

    def work(session: Session) -> Delivery:
        row = by_hand(session, actor, workspace_id, webhook_id)
        return send_now(session, row, delivered(session, row, delivery_id).payload)

    return database.transaction(work)


def by_hand(session: Session, actor: Actor, workspace_id: str, webhook_id: str) -> Webhook:
    """Return a webhook to which somebody wants something sent now."""
    row = webhooks.owned(session, actor, workspace_id, webhook_id, "admin")
    if not row.active:
        raise Conflict("This webhook is switched off: nothing is sent there.")
    recent = Delivery.webhook_id == row.id, Delivery.created_at > utc_now() - timedelta(minutes=1)
    if (session.scalar(select(func.count()).where(*recent)) or 0) >= MOST_A_MINUTE:
        raise Conflict("That was much at once. Try again in a minute.")
    return row


def send_now(session: Session, webhook: Webhook, payload: dict[str, object]) -> Delivery:
    """Put an event into the outbox and ring, even where the webhook rests after a failure."""
    webhook.rests_until = None
    delivery = webhooks.put(session, webhook, dict(payload))
    if webhook.failing_since is not None:
        after_commit(session, lambda: webhooks.ring(delivery.id))
    return delivery


def delivered(session: Session, webhook: Webhook, delivery_id: str) -> Delivery:
    """Return the webhook's own delivery; raise NotFound."""
    row = session.get(Delivery, delivery_id) if is_uuid(delivery_id) else None
    if row is None or row.webhook_id != webhook.id:
        raise NotFound("There is no such delivery.")
    return row
