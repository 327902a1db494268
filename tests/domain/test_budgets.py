"""Budgets: which ones a call must pass, and when their periods begin and end."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from app.domain.budgets import BudgetFacts, ends_at, in_force, starts_on


def budget(budget_id: str, scope: str, period: str = "month", hard: bool = True) -> BudgetFacts:
    return BudgetFacts(budget_id, scope, f"the {scope}", scope, period, 1_000, None, hard)


def ids(*budgets: BudgetFacts) -> list[str]:
    return [each.id for each in budgets]


def test_every_budget_on_the_way_counts_by_id():
    caller = [budget("c", "account"), budget("a", "project"), budget("d", "plan")]
    assert ids(*in_force(caller, [budget("b", "endpoint")])) == ["a", "b", "c", "d"]


def test_the_same_budget_counts_once():
    root = budget("a", "account")
    assert in_force([root, root], []) == (root,)


def test_a_key_s_budget_replaces_the_endpoint_s_of_the_same_period_only():
    key = budget("k", "key", "month", hard=False)
    endpoint = [budget("e1", "endpoint", "month"), budget("e2", "endpoint", "day")]
    assert ids(*in_force([budget("p", "project"), key], endpoint)) == ["e2", "k", "p"]


@pytest.mark.parametrize(
    ("period", "now", "zone", "first", "end"),
    [
        ("day", "2026-03-29T12:00Z", "Europe/Zurich", "2026-03-29", "2026-03-29T22:00Z"),  # 23 hours
        ("day", "2026-10-25T12:00Z", "Europe/Zurich", "2026-10-25", "2026-10-25T23:00Z"),  # 25 hours
        ("day", "2026-10-24T22:30Z", "Europe/Zurich", "2026-10-25", "2026-10-25T23:00Z"),
        ("day", "2026-09-06T12:00Z", "America/Santiago", "2026-09-06", "2026-09-07T03:00Z"),  # no midnight
        ("day", "2026-05-01T23:59Z", "Pacific/Kiritimati", "2026-05-02", "2026-05-02T10:00Z"),
        ("month", "2026-02-28T23:30Z", "Europe/Zurich", "2026-03-01", "2026-03-31T22:00Z"),
        ("month", "2026-02-28T22:30Z", "Europe/Zurich", "2026-02-01", "2026-02-28T23:00Z"),
        ("month", "2028-02-29T12:00Z", "UTC", "2028-02-01", "2028-03-01T00:00Z"),
        ("month", "2026-12-31T12:00Z", "UTC", "2026-12-01", "2027-01-01T00:00Z"),
        ("month", "2026-01-31T12:00Z", "America/New_York", "2026-01-01", "2026-02-01T05:00Z"),
    ],
)
def test_periods_are_calendar_days_and_months_of_the_zone(period, now, zone, first, end):
    moment = datetime.fromisoformat(now)
    assert starts_on(period, moment, zone) == date.fromisoformat(first)
    assert ends_at(period, moment, zone) == datetime.fromisoformat(end)
    assert starts_on(period, ends_at(period, moment, zone).astimezone(UTC), zone) > date.fromisoformat(first)
