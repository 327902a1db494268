"""Alerts: their kinds, when an amount crosses a level, how long to wait before a mail is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.domain.pricing import format_usd

KINDS = (
    "provider_paused",
    "provider_down",
    "rollout_rolled_back",
    "credential_refused",
    "budget_100",
    "low_balance",
    "budget_80",
    "provider_spend",
    "spend_threshold",
    "unpriced_model",
    "shortfall",
    "books",
    "records_lost",
    "rule",
    "rollout_promoted",
    "rollout_advanced",
)
LEVELS = ((80, "budget_80"), (100, "budget_100"))  # per cent of a budget's cap
WAITS_MINUTES = (1, 2, 5, 15, 60)  # after the first failure, the second, …
GIVE_UP_AFTER = timedelta(hours=24)
AMOUNT = "_nano_usd"
PLACES = {
    "provider_paused": "providers/{provider_id}",
    "provider_down": "performance",
    "provider_spend": "providers/{provider_id}",
    "credential_refused": "providers/{provider_id}",
    "unpriced_model": "models",
    "budget_80": "budgets",
    "budget_100": "budgets",
    "low_balance": "credits",
    "spend_threshold": "usage",
    "shortfall": "providers/{provider_id}",
    "books": "books",
    "records_lost": "requests",
    "rollout_rolled_back": "rollouts/{rollout_id}",
    "rollout_promoted": "rollouts/{rollout_id}",
    "rollout_advanced": "rollouts/{rollout_id}",
    "rule": "alert-rules/{rule_id}",
}


def crossed(before: int, after: int, level: int | None) -> bool:
    """Say whether the amount reached the level just now."""
    return level is not None and before < level <= after


def levels_crossed(before: int, after: int, cap: int) -> list[str]:
    """Return the kinds of alert for the parts of a cap that were reached just now."""
    return [kind for percent, kind in LEVELS if 100 * before < percent * cap <= 100 * after]


def wait_after(tries: int) -> timedelta:
    """Return how long to wait before the next try, after so many."""
    return timedelta(minutes=WAITS_MINUTES[min(max(tries, 1), len(WAITS_MINUTES)) - 1])


def shown(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return an alert's facts as its texts show them: amounts in dollars."""
    return dict(shown_fact(name, value) for name, value in facts.items())


def shown_fact(name: str, value: Any) -> tuple[str, Any]:
    """Return one fact, its unit taken off an amount's name."""
    if name.endswith(AMOUNT) and isinstance(value, int):
        return name.removesuffix(AMOUNT), format_usd(value)
    return name, value


def place(kind: str, workspace_slug: str, facts: Mapping[str, Any]) -> str:
    """Return the path of the page where something can be done about it."""
    try:
        rest = PLACES.get(kind, "alerts").format_map({name: value for name, value in facts.items() if value})
    except KeyError:
        rest = "alerts"
    return f"/w/{workspace_slug}/{rest}"
