"""Days of a workspace's clock, cut out of UTC hours; also where clocks change or stand half an hour apart."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from app.domain import timespans
from app.domain.timespans import Timespan

NOON = datetime(2026, 3, 31, 12, 20, tzinfo=UTC)
BERLIN = "Europe/Berlin"  # clocks go forward on 29 March 2026 and back on 25 October


def utc(month: int, day: int, hour: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def test_24_hours_end_with_the_running_one() -> None:
    span = timespans.last_hours(NOON, BERLIN)
    assert (span.starts[0], span.starts[-1], span.ends_at) == (utc(3, 30, 13), utc(3, 31, 12), utc(3, 31, 13))
    assert len(span.starts) == 24 and span.before == (utc(3, 29, 13), utc(3, 30, 13))


def test_days_begin_at_local_midnight_before_and_after_the_clocks_change() -> None:
    span = timespans.last_days(4, NOON, BERLIN)
    assert span.starts == (utc(3, 27, 23), utc(3, 28, 23), utc(3, 29, 22), utc(3, 30, 22))
    assert span.unit == "day" and span.days == (date(2026, 3, 28), date(2026, 3, 31))


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2025, 10, 26), 25)])
def test_the_day_on_which_clocks_change_has_its_own_number_of_hours(day: date, hours: int) -> None:
    span = timespans.between(day, day, NOON, BERLIN)
    assert len(span.starts) == hours and span.unit == "hour"
    assert span.ends_at - span.starts_at == timedelta(hours=hours)


def test_what_it_is_compared_with_is_as_far_into_its_day() -> None:
    span = timespans.last_days(7, NOON, "UTC")
    assert span.before == (utc(3, 18), utc(3, 24, 13))


def test_a_running_day_ends_with_its_running_hour_and_no_day_lies_ahead() -> None:
    span = timespans.between(date(2026, 3, 31), date(2027, 1, 1), NOON, "UTC")
    assert span.starts[-1] == utc(3, 31, 12) and span.ends_at == utc(3, 31, 13)


def test_days_in_the_wrong_order_are_turned_round_and_cut_to_400() -> None:
    span = timespans.between(date(2026, 3, 1), date(2019, 1, 1), NOON, "UTC")
    assert span.days == (date(2026, 3, 1) - timedelta(days=399), date(2026, 3, 1))
    assert span.unit == "week"
    assert {start.weekday() for start in span.starts[1:]} == {0}


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns", "UTC", BERLIN])
@pytest.mark.parametrize("days", [1, 2, 30, 120])
def test_every_part_begins_with_a_full_hour_and_they_never_overlap(zone: str, days: int) -> None:
    span: Timespan = timespans.last_days(days, NOON, zone)
    edges = [*span.starts, span.ends_at]
    assert edges == sorted(set(edges))
    assert {edge.minute for edge in edges} == {0}
    assert span.before[0] < span.before[1] <= span.starts_at
