"""Budgets in words: what they stand on, how much is used, when they begin anew."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import g, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from app.dashboard.auth import actor
from app.domain.budgets import percent_used
from app.domain.pricing import format_usd
from app.services import budgets
from app.services.budget_scopes import Scope
from app.services.budgets import BudgetStatus

ADDRESSES = {
    "account": ("credits.index", ""),
    "plan": ("plans.index", ""),
    "project": ("projects.show", "project"),
    "endpoint": ("endpoints.show", "endpoint_id"),
    "key": ("keys.edit", "key"),
}
NEAR, FULL = 80, 100
Writer = Callable[[int], str]


def kind(scope: Scope) -> str:
    """Return what kind of thing a budget stands on."""
    if scope.type == "account":
        return str(_("Whole workspace") if scope.is_root else _("Sub-account"))
    words = {"project": _("Project"), "endpoint": _("Endpoint"), "key": _("Key"), "plan": _("Plan")}
    return str(words[scope.type])


def name(scope: Scope) -> str:
    """Return its name, within its project where it has one."""
    if not scope.name:
        return str(_("no longer there"))
    return f"{scope.project_name} / {scope.name}" if scope.project_name else scope.name


def address(scope: Scope) -> str:
    """Return the page of what a budget stands on; "" when there is none."""
    if not scope.live:
        return ""
    is_sub = scope.type == "account" and not scope.is_root
    endpoint, argument = ("sub_accounts.index", "") if is_sub else ADDRESSES[scope.type]
    values: dict[str, Any] = {argument: scope.id} if argument else {}
    return url_for(endpoint, **values)


def period(name: str) -> str:
    """Return how often it begins anew."""
    words = {"request": _("each call"), "day": _("each day"), "month": _("each month")}
    return str(words[name])


def consequence(hard: bool) -> str:
    """Return what happens when it is used up."""
    return str(_("Stops calls") if hard else _("Only tells"))


def resets(at: datetime | None) -> str:
    """Return how long the running period still lasts."""
    if at is None:
        return ""
    hours = (at - datetime.now(UTC)).total_seconds() / 3600
    if hours > 24:
        days = math.ceil(hours / 24)
        return str(ngettext("%(num)d day left", "%(num)d days left", days))
    whole = max(1, math.ceil(hours))
    return str(ngettext("%(num)d hour left", "%(num)d hours left", whole))


def bars(shown: BudgetStatus) -> list[dict[str, Any]]:
    """Return each cap with what is used of it, ready to be drawn."""
    budget = shown.budget
    pairs = (
        (shown.spent_nano_usd, shown.reserved_nano_usd, budget.cap_nano_usd, (format_usd, format_usd)),
        (shown.spent_tokens, shown.reserved_tokens, budget.cap_tokens, (plain, tokens)),
    )
    return [bar(*pair, counted=budget.period != "request") for pair in pairs if pair[2] is not None]


def bar(spent: int, held: int, cap: int, writers: tuple[Writer, Writer], *, counted: bool) -> dict[str, Any]:
    """Return one cap: in numbers for the meter and in words for people."""
    short, write = writers
    percent = percent_used(spent, cap)
    tone = "error" if percent >= FULL else "warn" if percent >= NEAR else "ok"
    used = _("used up") if percent == FULL else _("%(percent)d %% used", percent=percent)
    return {
        "spent": spent,
        "cap": cap,
        "tone": tone,
        "counted": counted,
        "used": str(used),
        "amounts": str(_("%(spent)s of %(cap)s", spent=short(spent), cap=write(cap))),
        "cap_words": str(_("at most %(cap)s", cap=write(cap))),
        "held": write(held) if held else "",
    }


def plain(number: int) -> str:
    """Return a number that is easy to read."""
    return f"{number:,}"


def tokens(number: int) -> str:
    """Return a number of tokens."""
    return str(ngettext("%(count)s token", "%(count)s tokens", number, count=f"{number:,}"))


def value(scope: Scope) -> str:
    """Return a scope as the form's field writes it."""
    return f"{scope.type}:{scope.id}"


def block(scope_type: str, scope_id: str) -> dict[str, Any]:
    """Return what `budgets/_block.html` shows on the page of one thing."""
    shown = budgets.status(actor(), g.workspace.id, (scope_type, scope_id))
    return {
        "shown": [each for each in shown if each.budget.active],
        "scope": f"{scope_type}:{scope_id}",
        "type": scope_type,
    }
