"""Questions to the analytics: how they are read, and what a wrong one is told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.domain.analytics import (
    Found,
    Place,
    Question,
    Row,
    answer,
    cursor_of,
    parse_question,
    place_of,
)
from app.domain.errors import InvalidRequest
from app.domain.usage_sums import Totals

NOW = datetime(2026, 3, 31, 12, 20, tzinfo=UTC)


def ask(timezone: str = "UTC", **args: str) -> Question:
    return parse_question("spend", {n.removesuffix("_"): v for n, v in args.items()}, timezone, NOW)


def test_without_parameters_the_last_thirty_days_are_told_by_day() -> None:
    asked = ask()
    assert (asked.by, asked.filters, asked.sources, asked.limit) == ("day", {}, ("metered", "reported"), 100)
    assert (asked.since, asked.until) == (
        datetime(2026, 3, 1, 13, tzinfo=UTC),
        datetime(2026, 3, 31, 13, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("since", "until", "hours"),
    [
        ("2026-03-29", "2026-03-29", ("2026-03-28T23", "2026-03-29T22")),  # clocks change in Berlin
        ("2026-03-29T10:20:00Z", "2026-03-29T11:20:00+02:00", ("2026-03-29T08", "2026-03-29T10")),
        ("2026-03-29T10:00:00", "2026-03-29T11:00:00 00:00", ("2026-03-29T10", "2026-03-29T11")),
    ],
)
def test_days_are_the_workspaces_and_times_are_widened_to_full_hours(
    since: str, until: str, hours: tuple[str, str]
) -> None:
    since = since.replace("10:20:00Z", "08:20:00Z")
    asked = ask("Europe/Berlin", from_=since, to=until)
    assert tuple(f"{at:%Y-%m-%dT%H}" for at in (asked.since, asked.until)) == hours


@pytest.mark.parametrize(
    ("args", "param", "text"),
    [
        ({"by": "colour"}, "by", "one of: day, hour, model"),
        ({"group": "model"}, "group", "Choose from: by, from, to, model"),
        ({"source": "guessed"}, "source", "metered, reported"),
        ({"limit": "0"}, "limit", "from 1 to 1,000"),
        ({"limit": "many"}, "limit", "from 1 to 1,000"),
        ({"from": "yesterday"}, "from", "from=2026-03-31"),
        ({"to": "2026-02-30"}, "to", "to=2026-03-31T12:00:00Z"),
        ({"from": "2026-04-02", "to": "2026-04-01"}, "from", "before 'to'"),
        ({"from": "2024-01-01"}, "from", "400 days"),
        ({"cursor": "x"}, "cursor", "next_cursor"),
        ({"cursor": "WyJhIl0="}, "cursor", "next_cursor"),
        ({"end_user": "x" * 201}, "end_user", "200 characters"),
    ],
)
def test_what_is_wrong_is_told_with_what_is_allowed(args: dict[str, str], param: str, text: str) -> None:
    with pytest.raises(InvalidRequest, match=text) as refused:
        parse_question("spend", args, "UTC", NOW)
    assert (refused.value.param, refused.value.status) == (param, 400)


def test_a_cursor_leads_back_to_its_row() -> None:
    asked, row = ask(by="model"), Row("reported", "openai/ü", Totals(calls=1, cost_nano_usd=10**15))
    assert place_of(cursor_of(asked, row)) == Place(10**15, "openai/ü", "reported")


def test_amounts_are_exact_and_sources_stand_apart() -> None:
    asked = parse_question("savings", {"by": "endpoint"}, "UTC", NOW)
    metered = Totals(calls=2, cost_nano_usd=1, savings_nano_usd=-3)
    found = Found(
        [Row("metered", "e1", metered)], {"metered": metered, "reported": Totals()}, False, {"e1": "a"}
    )
    told = answer(asked, found)
    assert told["data"] == [
        {
            "source": "metered",
            "endpoint": "e1",
            "name": "a",
            "calls": 2,
            "unpriced_calls": 0,
            "spend_usd": "0.000000001",
            "baseline_usd": "-0.000000002",
            "savings_usd": "-0.000000003",
        }
    ]
    assert told["totals"]["reported"]["calls"] == 0 and told["next_cursor"] is None
