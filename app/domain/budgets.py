"""Budgets: what may be spent in one call, day or month, and by whom. Pure; SQL does the counting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.errors import InvalidInput
from app.domain.fields import Collector, refuse_unknown, switch, text, whole
from app.domain.pricing import nano_to_usd, usd_to_nano

SCOPES = (
    "account",
    "project",
    "endpoint",
    "key",
)  # of budgets that people set; a plan makes its own
MINTED = "minted key"  # a budget of a key that a key made: it takes no endpoint's place (O23)
PERIODS = ("request", "day", "month")
PLAN = "plan"
POLICY = "policy"  # a policy's bound on the price of one call, beside every budget, too
GUARDRAIL = "guardrail"  # a key's limit on the price of one call: it stands beside every budget (R17)
FIELDS = frozenset({"usd", "tokens", "hard", "active"})
MOST_TOKENS = 10**15


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


def parse_caps(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a budget's columns; raise InvalidFields with all that is wrong (I5)."""
    refuse_unknown(raw, FIELDS)
    collect = Collector()
    values = {
        "cap_nano_usd": collect.take(dollars, raw, "usd"),
        "cap_tokens": collect.take(whole, raw, "tokens", 1, MOST_TOKENS),
        "hard": collect.take(switch, raw, "hard", True),
        "active": collect.take(switch, raw, "active", True),
    }
    if not collect.errors and values["cap_nano_usd"] is None and values["cap_tokens"] is None:
        collect.errors["usd"] = "Give an amount in dollars, a number of tokens, or both."
    collect.finish()
    return values


def dollars(raw: Mapping[str, Any], name: str) -> int | None:
    """Return an amount above zero in nano-dollars, or None when absent."""
    written = text(raw, name, most=30)
    try:
        nano_usd = usd_to_nano(written) if written else None
    except ValueError as error:
        raise InvalidInput(str(error), param=name) from None
    if nano_usd == 0:
        raise InvalidInput(
            "Must be more than zero. To stop all calls, switch the thing itself off.", param=name
        )
    return nano_usd


def caps_as_fields(cap_nano_usd: int | None, cap_tokens: int | None) -> dict[str, Any]:
    """Return caps in the form that `parse_caps` takes."""
    return {"usd": None if cap_nano_usd is None else nano_to_usd(cap_nano_usd), "tokens": cap_tokens}


def percent_used(spent: int, cap: int | None) -> int:
    """Return how much of a cap is used, in whole percent, rounded down: 100 means that nothing is left."""
    if cap is None:
        return 0
    return 100 * spent // cap if cap else 100


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
