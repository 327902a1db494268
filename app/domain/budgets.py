"""Budgets: what may be spent in one call, day or month, and by whom. Pure; SQL does the counting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SCOPES = (
    "account",
    "project",
    "endpoint",
    "key",
)  # of budgets that people set; a plan makes its own
PERIODS = ("request", "day", "month")
PLAN = "plan"


@dataclass(frozen=True, slots=True)
class BudgetFacts:
    """A budget as a call sees it. `label` names its scope for people, e.g. "the key “laptop”"."""

    id: str
    scope_type: str
    scope_id: str
    label: str
    period: str
    cap_nano_usd: int | None
    cap_tokens: int | None
    hard: bool


def in_force(
    caller_budgets: Iterable[BudgetFacts], target_budgets: Iterable[BudgetFacts]
) -> tuple[BudgetFacts, ...]:
    """Return the budgets that a call must pass, each once, by id: the order in which SQL takes them.

    A key's budget replaces the endpoint's of the same period, dollars and tokens alike; any other counts
    beside the rest (C16, P20).
    """
    given = list(caller_budgets)
    replaced = {budget.period for budget in given if budget.scope_type == "key"}
    kept = [
        budget
        for budget in target_budgets
        if budget.scope_type != "endpoint" or budget.period not in replaced
    ]
    by_id = {budget.id: budget for budget in (*given, *kept)}
    return tuple(by_id[budget_id] for budget_id in sorted(by_id))


def starts_on(period: str, now: datetime, timezone: str) -> date:
    """Return the first local day of the running period."""
    today = now.astimezone(ZoneInfo(timezone)).date()
    return today.replace(day=1) if period == "month" else today


def ends_at(period: str, now: datetime, timezone: str) -> datetime:
    """Return when the running period ends, aware."""
    first = starts_on(period, now, timezone)
    days = 32 if period == "month" else 1
    following = first + timedelta(days=days)
    following = following.replace(day=1) if period == "month" else following
    return datetime.combine(following, time(), ZoneInfo(timezone))
