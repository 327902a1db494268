"""Alerts in words: their kinds, days, and what became of their mails."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.domain.alerts import KINDS, place, shown
from app.models import Alert, Workspace

ICONS = {
    "provider_paused": "pause",
    "provider_down": "plug",
    "provider_spend": "plug",
    "credential_refused": "shield",
    "low_balance": "coins",
    "spend_threshold": "coins",
    "unpriced_model": "receipt",
    "shortfall": "receipt",
    "books": "wallet",
    "records_lost": "activity",
    "rollout_rolled_back": "activity",
    "rollout_promoted": "activity",
    "rollout_advanced": "activity",
    "rule": "bell",
}
KEPT = {
    "rule": _l("its rule sends no mails"),
    "muted": _l("this kind is muted under Settings"),
    "no_server": _l("no mail server is set up"),
    "nobody": _l("nobody gets alert mails"),
}
URGENT = frozenset(
    {
        "provider_paused",
        "provider_down",
        "rollout_rolled_back",
        "credential_refused",
        "budget_100",
        "low_balance",
        "books",
        "records_lost",
    }
)


@dataclass(frozen=True, slots=True)
class Shown:
    """An alert as the page shows it."""

    id: str
    kind: str
    facts: dict[str, Any]
    href: str
    icon: str
    tone: str
    at: datetime
    state: str
    mail: str
    sent_at: datetime | None
    may_retry: bool


def by_day(
    rows: Sequence[Alert], workspace: Workspace, rules: Collection[str]
) -> list[tuple[str, list[Shown]]]:
    """Return the alerts under their days (UTC), newest first. `rules`: the alert rules that are there."""
    days = groupby(rows, key=lambda row: row.day)
    return [(day_name(day), [show(row, workspace, rules) for row in of_day]) for day, of_day in days]


def day_name(day: date) -> str:
    """Return a day as people say it."""
    return str(format_date(day, "full"))


def show(row: Alert, workspace: Workspace, rules: Collection[str]) -> Shown:
    """Return one alert for the page; one of a rule that is gone leads nowhere."""
    is_gone = row.kind == "rule" and row.facts.get("rule_id") not in rules
    return Shown(
        id=row.id,
        kind=row.kind,
        facts=shown(row.facts),
        href="" if is_gone else place(row.kind, workspace.slug, row.facts),
        icon=ICONS.get(row.kind, "bell"),
        tone="error" if row.kind in URGENT else "warn",
        at=row.created_at,
        state=row.state,
        mail=mail(row),
        sent_at=row.sent_at,
        may_retry=row.state == "failed" or (row.state, row.problem) == ("kept", "no_server"),
    )


def state(name: str) -> str:
    """Return in a word or two what became of a mail."""
    words = {"sent": _("Mailed"), "kept": _("Not mailed"), "failed": _("Given up")}
    return str(words.get(name, _("On its way")))


def mail(row: Alert) -> str:
    """Say to whom the alert was mailed, or why not."""
    if row.state == "sent":
        people = str(_("to %(people)s", people=", ".join(row.sent_to)))
        return f"{people}. {_('Refused: %(problem)s', problem=row.problem)}" if row.problem else people
    if row.state == "kept":
        return str(KEPT.get(row.problem, ""))
    if row.state == "failed":
        return str(_("The mail server said: %(problem)s", problem=row.problem))
    if row.problem:
        return str(_("It is tried again. The mail server said: %(problem)s", problem=row.problem))
    return ""


def kind(name: str) -> str:
    """Return a kind of alert in words."""
    words = {
        "provider_paused": _("A provider was paused"),
        "provider_down": _("A provider fails again and again"),
        "credential_refused": _("A provider refused its key"),
        "budget_100": _("A budget is used up"),
        "low_balance": _("Credit runs low"),
        "budget_80": _("A budget is used to 80 %%") % {},
        "provider_spend": _("A provider's cost reached its daily amount"),
        "spend_threshold": _("The account's spend reached its daily amount"),
        "unpriced_model": _("A model without a known price answered"),
        "shortfall": _("A call cost more than was held"),
        "books": _("The books do not add up"),
        "records_lost": _("Requests could not be logged"),
        "rollout_rolled_back": _("A new version was rolled back"),
        "rollout_promoted": _("A new version went live for everybody"),
        "rollout_advanced": _("A new version reached more end users"),
        "rule": _("A rule of your own"),
    }
    return str(words[name])


def kinds() -> list[tuple[str, str]]:
    """Return every kind with its words, for a form."""
    return [(name, kind(name)) for name in KINDS]
