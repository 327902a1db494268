"""Webhooks: which events there are, how a delivery is signed, and how often it is tried (A28, C21)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.domain.errors import InvalidInput
from app.domain.fields import Collector, refuse_unknown, switch, text, texts

EVENTS = (
    "alert.created",
    "usage.threshold",
    "balance.low",
    "key.rotated",
    "endpoint.published",
    "policy.published",
    "rollout.started",
    "rollout.advanced",
    "rollout.rolled_back",
    "rollout.promoted",
    "rollout.stopped",
)
TEST = "webhook.test"
NOT_YET = ("job.completed", "job.failed", "batch.completed")
OF_ALERTS = {
    "low_balance": "balance.low",
    "budget_80": "usage.threshold",
    "budget_100": "usage.threshold",
    "provider_spend": "usage.threshold",
    "spend_threshold": "usage.threshold",
}
SECRET_PREFIX = "whsec_"
LEAST_SECRET = 16
MOST_SECRET = 200
FIELDS = frozenset({"name", "url", "events", "active"})
WAITS_MINUTES = (1, 5, 30, 120, 240, 480, 545)  # 8 tries within a day
MOST_TRIES = len(WAITS_MINUTES) + 1
GIVE_UP_AFTER = timedelta(hours=24)
OLD_SECRET_SIGNS = timedelta(hours=24)
TELL_FAILING_AFTER = timedelta(hours=24)  # without one delivery that arrived
REST = timedelta(seconds=30)
SLOW_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class WebhookFields:
    """What a webhook is told and where; no events: all of them."""

    name: str
    url: str
    events: tuple[str, ...]
    active: bool


def parse_webhook(fields: Mapping[str, Any]) -> WebhookFields:
    """Check a webhook's fields; its address is checked by who opens connections."""
    refuse_unknown(fields, FIELDS)
    collect = Collector()
    name = collect.take(text, fields, "name", most=200, required=True)
    url = collect.take(text, fields, "url", most=500, required=True)
    events = collect.take(parse_events, fields)
    active = collect.take(switch, fields, "active", True)
    collect.finish()
    return WebhookFields(name, url, events, active)


def parse_events(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the events that are named, in their usual order."""
    named = texts(fields, "events", most=len(EVENTS) + len(NOT_YET))
    later = [event for event in named if event in NOT_YET]
    if later:
        raise InvalidInput(f"There are no events {', '.join(later)} yet: no job runs here.", param="events")
    if set(named) - set(EVENTS):
        raise InvalidInput(f"Choose from: {', '.join(EVENTS)}; none for all of them.", param="events")
    return tuple(event for event in EVENTS if event in named)


def check_secret(secret: str) -> str:
    """Return a secret that somebody chose; raise InvalidInput for one that signs badly."""
    visible = secret.isascii() and secret.isprintable() and " " not in secret
    if not visible or not LEAST_SECRET <= len(secret) <= MOST_SECRET:
        text = f"Must be {LEAST_SECRET} to {MOST_SECRET} visible ASCII characters."
        raise InvalidInput(text, param="secret")
    return secret


def wants(events: Sequence[str], event: str) -> bool:
    """Say whether a webhook that chose `events` is told of this one; a test goes to all."""
    return not events or event in events or event == TEST


def mint_secret() -> str:
    """Return a new signing secret: the prefix and 256 random bits."""
    return SECRET_PREFIX + secrets.token_urlsafe(32)


def payload_of(event_id: str, event: str, created_at: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is delivered: the same for every webhook and every try."""
    return {"id": event_id, "type": event, "created": int(created_at.timestamp()), "data": dict(data)}


def signature(keys: Sequence[str], at: int, body: bytes) -> str:
    """Return the signature's header: one v1 for each secret that is still good."""
    return ",".join([f"t={at}", *(f"v1={digest(key, at, body)}" for key in keys)])


def digest(secret: str, at: int, body: bytes) -> str:
    """Return the HMAC-SHA256 of the moment, a dot and the body, in hex."""
    return hmac.new(secret.encode(), str(at).encode() + b"." + body, hashlib.sha256).hexdigest()


def wait_after(tries: int) -> timedelta | None:
    """Return how long to wait before the next try, after so many; None: that was the last."""
    return timedelta(minutes=WAITS_MINUTES[tries - 1]) if tries < MOST_TRIES else None


def rest_after(seconds: float, taken: bool) -> timedelta | None:
    """Return how long a receiver that fails or is slow is left alone, so that it does not hold up others."""
    if not taken:
        return REST
    return timedelta(seconds=3 * seconds) if seconds > SLOW_SECONDS else None


def is_failing(failing_since: datetime | None, now: datetime) -> bool:
    """Say whether nothing has arrived for so long that somebody should look."""
    return failing_since is not None and now - failing_since > TELL_FAILING_AFTER
