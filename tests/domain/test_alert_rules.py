"""Alert rules: their fields, their stretch of time, and when a number is worth telling."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.alert_rules import (
    STEP,
    Measured,
    RuleConfig,
    Sample,
    is_unusual,
    last_window,
    parse_rule,
    passes,
    span,
    stored_rule,
    unusual_windows,
    written,
)
from app.domain.errors import InvalidFields

START = datetime(2026, 5, 1, tzinfo=UTC)
SPEND = {"name": "Spend", "metric": "spend", "bound": "20.00"}


def samples(*values: float, calls: int = 9) -> list[Sample]:
    return [Sample(START + STEP * number, calls, value) for number, value in enumerate(values)]


def errors(**fields) -> dict[str, str]:
    with pytest.raises(InvalidFields) as refused:
        parse_rule({**SPEND, **fields})
    return refused.value.errors


def test_a_rule_comes_back_as_it_was_written():
    where = {"policy": "support_chat", "plan": "pro"}
    given = {"metric": "spend", "where": where, "window": "month", "direction": "under", "bound": "20.00"}
    _, active, config = parse_rule({"name": "x", **given})
    assert active
    assert config.bound == 20_000_000_000
    assert config.as_fields() == {**given, "kind": "threshold", "by": ["mail", "webhook"]}
    assert stored_rule(config.as_fields()) == config


def test_whole_dollars_may_be_a_number():
    assert parse_rule({**SPEND, "bound": 20})[2] == parse_rule(SPEND)[2]


def test_an_anomaly_has_neither_bound_nor_window():
    config = parse_rule({"name": "x", "metric": "error_rate", "kind": "anomaly", "by": []})[2]
    assert config.as_fields() == {
        "metric": "error_rate", "where": {}, "kind": "anomaly", "by": [], "least_calls": 5,
    }  # fmt: skip
    assert stored_rule(config.as_fields()) == config


@pytest.mark.parametrize(
    ("fields", "name", "says"),
    [
        ({"metric": "mood"}, "metric", "Choose from: spend"),
        ({"bound": "lots"}, "bound", "dollars"),
        ({"bound": None}, "bound", "fill this in"),
        ({"bound": 20.5}, "bound", "as text"),
        ({"bound": True}, "bound", "text"),
        ({"metric": "calls", "bound": "many"}, "bound", "number"),
        ({"metric": "error_rate", "bound": 101}, "bound", "0 to 100"),
        ({"metric": "p95_latency", "bound": 900}, "window", "5m or 1h"),
        ({"window": "week"}, "window", "5m, 1h, day, month"),
        ({"where": {"colour": "red"}}, "where", "colour"),
        ({"where": {"plan": 7}}, "where", "plan"),
        ({"by": ["pigeon"]}, "by", "mail, webhook"),
        ({"colour": "red"}, "colour", "no such field"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(fields, name, says):
    assert says in errors(**fields)[name]


@pytest.mark.parametrize(
    ("window", "direction", "since", "until"),
    [
        ("5m", "over", "2026-05-10T09:55", "2026-05-10T10:00"),
        ("1h", "under", "2026-05-10T09:00", "2026-05-10T10:00"),
        ("day", "over", "2026-05-09T22:00", "2026-05-10T10:00"),
        ("day", "under", "2026-05-08T22:00", "2026-05-09T22:00"),
        ("month", "over", "2026-04-30T22:00", "2026-05-10T10:00"),
        ("month", "under", "2026-03-31T22:00", "2026-04-30T22:00"),
    ],
)
def test_days_and_months_are_those_of_the_workspace(window, direction, since, until):
    config = RuleConfig("spend", {}, window, direction=direction, bound=1)
    now = datetime(2026, 5, 10, 10, tzinfo=UTC)
    expected = tuple(datetime.fromisoformat(at).replace(tzinfo=UTC) for at in (since, until))
    assert span(config, now, "Europe/Berlin") == expected


def test_a_threshold_is_passed_not_reached():
    over, under = (RuleConfig("calls", {}, "day", direction=way, bound=10) for way in ("over", "under"))
    assert [passes(over, Measured(n, n)) for n in (9, 10, 11)] == [False, False, True]
    assert [passes(under, Measured(n, n)) for n in (9, 10, 11)] == [True, False, False]


def test_a_rate_of_few_calls_says_nothing():
    config = RuleConfig("error_rate", {}, "1h", bound=10, least_calls=20)
    assert not passes(config, Measured(19, 100.0))
    assert passes(config, Measured(20, 10.1))
    assert not passes(config, Measured(0, None))


def test_a_window_is_looked_at_once_its_calls_are_written_down():
    assert last_window(START + 2 * STEP) == START
    assert last_window(START + 2 * STEP + timedelta(seconds=59)) == START
    assert last_window(START + 2 * STEP + timedelta(seconds=60)) == START + STEP


def test_unusual_is_more_than_median_and_three_and_a_half_mads():
    *before, at_bound, above = samples(8, 9, 10, 10, 11, 12, 13.5, 13.6)
    assert is_unusual(at_bound, before) is None  # median 10, MAD 1: the bound is 13.5
    found = is_unusual(above, before)
    assert found is not None
    assert (found.median, found.bound, found.windows) == (10, 13.5, 6)


def test_it_takes_six_windows_before_and_five_calls_now():
    *before, current = samples(8, 9, 10, 11, 12, 99)
    assert is_unusual(current, before) is None
    *before, current = samples(8, 9, 10, 10, 11, 12, 99)
    assert is_unusual(current, before) is not None
    assert is_unusual(Sample(current.starts_at, 4, 99), before) is None


def test_where_the_mad_is_nothing_a_tenth_of_the_median_stands_in():
    *before, usual, above = samples(100, 100, 100, 100, 100, 100, 135, 136)
    assert is_unusual(usual, before) is None
    assert is_unusual(above, before) is not None


def test_where_the_median_is_nothing_too_it_must_be_above_everything():
    *before, same, above = samples(0, 0, 0, 0, 0, 0, 2, 2, 3)
    assert is_unusual(same, before) is None
    assert is_unusual(above, [*before, same]) is not None


def test_a_preview_tells_each_window_by_those_before_it():
    found = unusual_windows(samples(*[10] * 8, 99, *[10] * 3, 98), START)
    assert found == [START + 8 * STEP, START + 12 * STEP]
    assert unusual_windows(samples(*[10] * 8, 99), START + 9 * STEP) == []


def test_numbers_are_written_with_their_unit():
    assert [written(value, unit) for value, unit in ((20_000_000_000, "usd"), (12.34, "percent"))] == [
        "$20.00",
        "12.3 %",
    ]
    assert [written(1234, "count"), written(1234, "ms"), written(None, "usd")] == ["1,234", "1,234 ms", "–"]
