"""Alerts, alert rules and webhooks as programs see and change them with a key, in its own project alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.alerts import shown
from app.domain.callers import Caller
from app.domain.errors import InvalidRequest
from app.domain.fields import text
from app.domain.ids import is_uuid
from app.domain.key_api import written
from app.domain.limits import Full, Limiter, refusal
from app.models import Alert, Delivery, Webhook
from app.services import alert_rules, alerts, management, webhook_log, webhooks
from app.services.alert_rules import RuleView
from app.services.key_api import actor_of

REQUESTS_PER_MINUTE = 60
MOST = 100
USUAL = 50
Card = dict[str, Any]
Args = Mapping[str, str]


def admit(caller: Caller) -> None:
    """Count the request; raise RateLimited past 60 a minute."""
    limiter = Limiter("alerts", caller.key_id or "", "requests_per_minute", REQUESTS_PER_MINUTE)
    outcome = management.count(caller, limiter)
    if isinstance(outcome, Full):
        raise refusal(outcome)


def list_alerts(caller: Caller, args: Args) -> Card:
    """Return the alerts that concern the project, newest first, page by page."""
    limit, cursor = page(args)
    place = actor_of(caller), caller.workspace_id
    rows = alerts.list_page(*place, kind=args.get("kind"), before_id=cursor, limit=limit + 1)
    return listed(rows, limit, [alert_card(row) for row in rows[:limit]])


def list_rules(caller: Caller) -> Card:
    """Return the project's rules."""
    views = alert_rules.list_all(actor_of(caller), caller.workspace_id)
    return {"object": "list", "data": [rule_card(view) for view in views], "has_more": False}


def show_rule(caller: Caller, rule_id: str) -> Card:
    """Return one rule."""
    return rule_card(alert_rules.find(actor_of(caller), caller.workspace_id, rule_id))


def create_rule(caller: Caller, body: Mapping[str, Any]) -> Card:
    """Make a rule on the project."""
    return rule_card(alert_rules.create(actor_of(caller), caller.workspace_id, body))


def update_rule(caller: Caller, rule_id: str, body: Mapping[str, Any]) -> Card:
    """Change the fields that the body names."""
    return rule_card(alert_rules.update(actor_of(caller), caller.workspace_id, rule_id, body))


def delete_rule(caller: Caller, rule_id: str) -> Card:
    """Delete a rule."""
    alert_rules.remove(actor_of(caller), caller.workspace_id, rule_id)
    return {"id": rule_id, "object": "alert_rule", "deleted": True}


def list_webhooks(caller: Caller) -> Card:
    """Return the project's webhooks, without their secrets."""
    rows = webhooks.list_all(actor_of(caller), caller.workspace_id)
    return {"object": "list", "data": [webhook_card(row) for row in rows], "has_more": False}


def show_webhook(caller: Caller, webhook_id: str) -> Card:
    """Return one webhook."""
    return webhook_card(webhooks.find(actor_of(caller), caller.workspace_id, webhook_id))


def create_webhook(caller: Caller, body: Mapping[str, Any]) -> Card:
    """Make a webhook; its secret is in this answer alone."""
    fields = {name: value for name, value in body.items() if name != "secret"}
    secret = text(body, "secret", most=200)
    made = webhooks.create(actor_of(caller), caller.workspace_id, fields, secret)
    return {**webhook_card(made.webhook), "secret": made.secret}


def update_webhook(caller: Caller, webhook_id: str, body: Mapping[str, Any]) -> Card:
    """Change the fields that the body names."""
    return webhook_card(webhooks.update(actor_of(caller), caller.workspace_id, webhook_id, body))


def rotate_webhook(caller: Caller, webhook_id: str) -> Card:
    """Give a webhook a new secret, in this answer alone; the old one signs as well for a day."""
    made = webhooks.rotate(actor_of(caller), caller.workspace_id, webhook_id)
    return {**webhook_card(made.webhook), "secret": made.secret}


def delete_webhook(caller: Caller, webhook_id: str) -> Card:
    """Delete a webhook with its log."""
    webhooks.delete(actor_of(caller), caller.workspace_id, webhook_id)
    return {"id": webhook_id, "object": "webhook", "deleted": True}


def test_webhook(caller: Caller, webhook_id: str) -> Card:
    """Send a webhook an event that says nothing but that events arrive."""
    return delivery_card(webhook_log.test(actor_of(caller), caller.workspace_id, webhook_id))


def list_deliveries(caller: Caller, webhook_id: str, args: Args) -> Card:
    """Return what was delivered, newest first, page by page."""
    limit, cursor = page(args)
    place = actor_of(caller), caller.workspace_id, webhook_id
    rows = webhook_log.list_page(*place, before_id=cursor, limit=limit + 1)
    return listed(rows, limit, [delivery_card(row) for row in rows[:limit]])


def resend(caller: Caller, webhook_id: str, delivery_id: str) -> Card:
    """Deliver an event once more."""
    return delivery_card(webhook_log.resend(actor_of(caller), caller.workspace_id, webhook_id, delivery_id))


def page(args: Args) -> tuple[int, str | None]:
    """Return how many are asked for and after which one; raise InvalidRequest."""
    limit, cursor = args.get("limit", str(USUAL)), args.get("cursor")
    if not (limit.isdecimal() and 1 <= int(limit) <= MOST):
        raise InvalidRequest(f"Must be a whole number from 1 to {MOST}.", param="limit")
    if cursor is not None and not is_uuid(cursor):
        raise InvalidRequest("Must be the next_cursor of the page before.", param="cursor")
    return int(limit), cursor


def listed(rows: Sequence[Alert | Delivery], limit: int, cards: list[Card]) -> Card:
    """Return a page; one row more than asked for says that there are more."""
    more = len(rows) > limit
    return {
        "object": "list",
        "data": cards,
        "has_more": more,
        "next_cursor": rows[limit - 1].id if more else None,
    }


def alert_card(row: Alert) -> Card:
    """Return an alert as this API tells it."""
    about = {"id": row.id, "object": "alert", "kind": row.kind, "created_at": written(row.created_at)}
    return {**about, "data": shown(row.facts), "mail": row.state}


def rule_card(view: RuleView) -> Card:
    """Return a rule as this API tells it."""
    row = view.row
    return {
        "id": row.id,
        "object": "alert_rule",
        **alert_rules.as_fields(row),
        "names": dict(view.where),
        "gone": list(view.gone),
        "checked_at": written(row.checked_at),
        "fired_at": written(row.fired_at),
        "created_at": written(row.created_at),
    }


def webhook_card(row: Webhook) -> Card:
    """Return a webhook as this API tells it, without its secret."""
    return {
        "id": row.id,
        "object": "webhook",
        **webhooks.as_fields(row),
        "failing_since": written(row.failing_since),
        "created_at": written(row.created_at),
    }


def delivery_card(row: Delivery) -> Card:
    """Return a delivery as this API tells it."""
    return {
        "id": row.id,
        "object": "webhook_delivery",
        "event": row.event,
        "event_id": row.event_id,
        "state": row.state,
        "tries": row.tries,
        "status": row.status,
        "problem": row.problem or None,
        "next_try_at": written(row.next_try_at),
        "sent_at": written(row.sent_at),
        "created_at": written(row.created_at),
        "payload": row.payload,
    }
