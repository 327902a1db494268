"""Webhooks in words: their events, and what became of a delivery."""

from __future__ import annotations

import json

from flask_babel import gettext as _

from app.domain.webhooks import EVENTS, TEST
from app.models import Delivery

STATES = {"sent": "ok", "failed": "failed"}


def event(name: str) -> str:
    """Return an event in words."""
    words = {
        "alert.created": _("An alert was noted"),
        "usage.threshold": _("An amount of spend was reached"),
        "balance.low": _("Credit runs low"),
        "key.rotated": _("A key got a new secret"),
        "endpoint.published": _("A version of an endpoint answers now"),
        "policy.published": _("A version of a policy decides now"),
        "rollout.started": _("A rollout began"),
        "rollout.advanced": _("A rollout took its next step"),
        "rollout.rolled_back": _("A rollout was rolled back"),
        "rollout.promoted": _("A rollout is complete"),
        "rollout.stopped": _("A rollout was stopped"),
        TEST: _("A test"),
    }
    return str(words.get(name, name))


def events() -> list[tuple[str, str, str]]:
    """Return every event for a form: its name, in words, and its name again beneath."""
    return [(name, event(name), name) for name in EVENTS]


def outcome(row: Delivery) -> str:
    """Say what became of a delivery."""
    if row.state == "sent":
        return str(_("Taken"))
    if row.state == "failed":
        return str(_("Given up"))
    return str(_("On its way") if not row.tries else _("Tried again later"))


def reason(row: Delivery) -> str:
    """Say what the receiver answered, or why nothing was sent."""
    words = {
        "no_answer": _("no answer within 10 seconds, or an address that cannot be used"),
        "switched_off": _("the webhook was switched off"),
        "sealed": _("its secret was sealed with another SLUICE_SECRET_KEY: give it a new one"),
    }
    if row.status is not None:
        return str(_("status %(status)s", status=row.status))
    return str(words.get(row.problem, ""))


def payload(row: Delivery) -> str:
    """Return what is delivered, to be read."""
    return json.dumps(row.payload, indent=2, ensure_ascii=False)
