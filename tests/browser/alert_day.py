"""Alert rules that told, are calm, or watch nothing any more; webhooks that work, and one that fails."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from app.database import database
from app.domain.actors import SYSTEM
from app.models import Delivery, Webhook
from app.models.columns import utc_now
from app.services import alert_rules, alert_watch, keys, webhook_log, webhooks
from tests.world import World

LONG = "https://hooks.example.com/services/T024BE91L/B081JJAAA/a-long-address-of-a-chat-program"
RULES = (
    {"name": "A dear day", "metric": "spend", "bound": "0.000001", "where": {"project": "Support"}},
    {"name": "Odd failures", "metric": "error_rate", "kind": "anomaly", "by": ["webhook"]},
    {
        "name": "Too quiet",
        "metric": "calls",
        "direction": "under",
        "bound": 5,
        "where": {"key": "old server"},
    },
)


def fill_alerts(world: World) -> None:
    """Make them, as they stand after a day."""
    place, project = world.acme.workspace.id, world.acme.project.id
    old = keys.create(SYSTEM, place, project, {"name": "old server"}).key
    for fields in RULES:
        alert_rules.create(SYSTEM, place, fields)
    keys.revoke(SYSTEM, place, old.id)
    pager, finance = (
        webhooks.create(SYSTEM, place, {"name": name, "url": LONG, "events": events}).webhook
        for name, events in (("Pager", []), ("Finance", ["balance.low", "usage.threshold"]))
    )
    alert_watch.check_all()
    webhook_log.test(SYSTEM, place, finance.id)
    webhook_log.test(SYSTEM, place, pager.id)
    database.transaction(lambda session: settle(session, finance.id))


def settle(session, failing: str) -> None:  # type: ignore[no-untyped-def]
    """Say what came of the deliveries."""
    now = utc_now()
    sent = {"state": "sent", "status": 204, "tries": 1, "sent_at": now}
    retried = {"state": "pending", "status": 503, "tries": 3, "problem": "refused"}
    mine = Delivery.webhook_id == failing
    session.execute(update(Delivery).where(~mine).values(**sent))
    session.execute(update(Delivery).where(mine).values(**retried, next_try_at=now + timedelta(hours=1)))
    session.execute(
        update(Webhook).where(Webhook.id == failing).values(failing_since=now - timedelta(days=3))
    )
