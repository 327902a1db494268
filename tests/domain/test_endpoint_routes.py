"""Routing rules: which request fits which rule, and which rules could never be reached."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.endpoint_routes import first_match, parse_routes
from app.domain.errors import InvalidFields


def rule(label: str, when: Any = None, **more: Any) -> dict[str, Any]:
    return {"label": label, "model": f"demo/{label}", "when": when, **more}


def chosen(rules: list[dict[str, Any]], **facts: int) -> str | None:
    found = first_match(parse_routes({"routing": rules}), facts)
    return found and found.label


def errors(*rules: Any) -> dict[str, str]:
    with pytest.raises(InvalidFields) as caught:
        parse_routes({"routing": list(rules)})
    return caught.value.errors


@pytest.mark.parametrize(
    ("when", "fits", "fails"),
    [
        ({"input_tokens": {"lt": 10}}, 9, 10),
        ({"input_tokens": {"lte": 10}}, 10, 11),
        ({"input_tokens": {"gt": 10}}, 11, 10),
        ({"input_tokens": {"gte": 10}}, 10, 9),
        ({"input_tokens": {"eq": 10}}, 10, 11),
        ({"input_tokens": 10}, 10, 9),
        ({"input_tokens": {"between": [5, 7]}}, 7, 8),
        ({"input_tokens": {"gt": 5, "lt": 7}}, 6, 7),
        ({"messages_count": {"gte": 3}}, 3, 2),
        ({"monthly_spend_pct": {"gte": 80}}, 110, 79),
        ({"streaming": True}, 1, 0),
        ({"has_output_schema": False}, 0, 1),
        ({"time_of_day": {"between": ["09:00", "17:00"]}}, 9 * 60, 17 * 60),
        ({"time_of_day": {"between": ["22:00", "06:00"]}}, 5 * 60 + 59, 6 * 60),
        ({"time_of_day": {"between": ["22:00", "06:00"]}}, 22 * 60, 21 * 60 + 59),
        ({"time_of_day": {"lt": "00:30"}}, 29, 30),
    ],
)
def test_a_condition_holds_up_to_its_bound(when: dict[str, Any], fits: int, fails: int) -> None:
    [name] = when
    assert chosen([rule("one", when)], **{name: fits}) == "one"
    assert chosen([rule("one", when)], **{name: fails}) is None


def test_the_first_rule_whose_conditions_all_hold_decides() -> None:
    rules = [
        rule("long", {"input_tokens": {"gt": 100}, "streaming": True}),
        rule("short", {"input_tokens": {"lt": 50}}),
        rule("rest"),
    ]
    assert chosen(rules, input_tokens=200, streaming=1) == "long"
    assert chosen(rules, input_tokens=200, streaming=0) == "rest"
    assert chosen(rules, input_tokens=10, streaming=1) == "short"


def test_a_fact_that_is_not_known_fulfils_nothing() -> None:
    assert chosen([rule("late", {"monthly_spend_pct": {"gte": 0}})]) is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"model": "demo/x"}, "label"),
        ({"label": "x"}, "model"),
        ({"label": "x", "model": "x"}, "model"),
        ({"label": "x", "model": "demo/x", "failover": ["y"]}, "failover"),
        ({"label": "x", "model": "demo/x", "mdoel": 1}, "mdoel"),
        (rule("x", {"tokens": {"lt": 1}}), "when.tokens"),
        (rule("x", {"input_tokens": {"below": 1}}), "when.input_tokens"),
        (rule("x", {"input_tokens": {"lt": "9"}}), "when.input_tokens"),
        (rule("x", {"input_tokens": {"lt": 0}}), "when.input_tokens"),
        (rule("x", {"input_tokens": {"between": [9, 3]}}), "when.input_tokens"),
        (rule("x", {"input_tokens": {"between": 3}}), "when.input_tokens"),
        (rule("x", {"input_tokens": {}}), "when.input_tokens"),
        (rule("x", {"input_tokens": {"gt": 9, "lt": 5}}), "when"),
        (rule("x", {"streaming": 1}), "when.streaming"),
        (rule("x", {"streaming": {"gt": True}}), "when.streaming"),
        (rule("x", {"time_of_day": {"lt": "25:00"}}), "when.time_of_day"),
        (rule("x", {"time_of_day": {"lt": "00:00"}}), "when.time_of_day"),
        (rule("x", ["streaming"]), "when"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(wrong: dict[str, Any], field: str) -> None:
    assert list(errors(wrong)) == [f"routing.0.{field}"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (None, {"streaming": True}),
        ({"input_tokens": {"gt": 10}}, {"input_tokens": {"gt": 20}}),
        ({"input_tokens": {"gte": 11}}, {"input_tokens": {"gt": 10}, "streaming": True}),
        ({"time_of_day": {"between": ["20:00", "08:00"]}}, {"time_of_day": {"between": ["22:00", "06:00"]}}),
    ],
)
def test_a_rule_that_no_request_reaches_is_pointed_out(first: Any, second: Any) -> None:
    found = errors(rule("a", first), rule("b", second))
    assert list(found) == ["routing.1.when"] and "“a”" in found["routing.1.when"]
    assert len(parse_routes({"routing": [rule("b", second), rule("a", first)]})) == 2 or first == second


def test_names_are_there_once_and_rules_are_bounded() -> None:
    twice = errors(rule("a", {"streaming": True}), rule("a", {"streaming": False}))
    assert list(twice) == ["routing.1.label"]
    with pytest.raises(Exception, match="at most 20"):
        parse_routes({"routing": [rule(str(n)) for n in range(21)]})


def test_rules_come_back_as_they_were_written() -> None:
    written = [
        {
            "label": "night",
            "when": {"input_tokens": {"lt": 9, "gte": 3}, "streaming": True,
                     "time_of_day": {"between": ["22:00", "06:00"]}},
            "model": "demo/one",
            "failover": ["demo/two"],
        }
    ]  # fmt: skip
    assert [each.as_dict() for each in parse_routes({"routing": written})] == written
