"""Conditions of a policy's rules: what fulfils them, and which of two leaves nothing to the other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidFields, InvalidInput
from app.domain.policies.conditions import Fact, excludes, parse_when, when_as_json
from app.domain.policies.rules import PolicyRule, parse_policy

PIECES = ("a", "ab", "abc", "b", "openai/gpt", "openai/gpt-4o", "en", "en-gb", "en_us", "")
PATTERNS = ("a*", "ab*", "openai/*", "openai/gpt-4o", "en", "en-gb", "e*", "*", "abc", "b")
FIELDS = ("plan", "locale", "model")


@pytest.mark.parametrize(
    ("when", "fits", "fails"),
    [
        ({"plan": "Free"}, "free", "pro"),
        ({"plan": ["free", "trial"]}, "trial", ""),
        ({"plan": {"not": "free"}}, "", "free"),
        ({"plan": {"not": ["free", "trial"]}}, "pro", "trial"),
        ({"plan": "*"}, "pro", ""),
        ({"plan": {"not": "*"}}, "", "pro"),
        ({"region": "eu-*"}, "eu-west", "eu"),
        ({"locale": "EN"}, "en-gb", "enx"),
        ({"locale": "en"}, "en_us", "de"),
        ({"locale": "en-*"}, "en-gb", "en"),
        ({"model": "openai/*"}, "openai/gpt-4o", "openais/x"),
        ({"user": "Ann"}, "Ann", "ann"),
        ({"trial_status": "trialing"}, "TRIALING", "NONE"),
        ({"task_type": "code"}, "code", "chat"),
        ({"input_tokens": {"gt": 10, "lte": 20}}, 20, 21),
        ({"monthly_spend_pct": {"gte": 80}}, 80, None),
        ({"streaming": False}, 0, 1),
        ({"time_of_day": {"between": ["22:00", "06:00"]}}, 0, 6 * 60),
    ],
)
def test_a_condition_holds_for_its_values(when: dict[str, Any], fits: Fact, fails: Fact) -> None:
    [name] = when
    rule = PolicyRule("one", when=parse_when(when))
    assert rule.matches({name: fits}) and not rule.matches({name: fails})


@pytest.mark.parametrize(
    ("when", "field"),
    [
        ("plan", "when"),
        ({"colour": "red"}, "when.colour"),
        ({"plan": []}, "when.plan"),
        ({"plan": ""}, "when.plan"),
        ({"plan": 5}, "when.plan"),
        ({"plan": "a\nb"}, "when.plan"),
        ({"plan": "x" * 201}, "when.plan"),
        ({"plan": [f"p{number}" for number in range(101)]}, "when.plan"),
        ({"plan": {"is": "free"}}, "when.plan"),
        ({"plan": {"not": []}}, "when.plan"),
        ({"plan": {"not": "a", "is": "b"}}, "when.plan"),
        ({"trial_status": "MAYBE"}, "when.trial_status"),
        ({"task_type": "cooking"}, "when.task_type"),
        ({"input_tokens": {"below": 1}}, "when.input_tokens"),
        ({"streaming": "yes"}, "when.streaming"),
        ({"time_of_day": {"lt": "24:00"}}, "when.time_of_day"),
    ],
)
def test_a_wrong_condition_is_named(when: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_when(when)
    assert caught.value.param == field


values = st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3, unique=True)
words = values | values.map(lambda chosen: {"not": chosen})
bounds = st.integers(0, 30)
numbers = st.one_of(
    st.sampled_from(("lt", "lte", "gt", "gte", "eq")).flatmap(
        lambda name: bounds.map(lambda n: {name: n + 1})
    ),
    st.tuples(bounds, bounds).map(lambda pair: {"between": sorted(pair)}),
)
clock = st.integers(0, 23).map(lambda hour: f"{hour:02}:00")
spans = st.tuples(clock, clock).filter(lambda pair: pair[0] != pair[1])
times = spans.map(lambda pair: {"between": [*pair]})
whens = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(FIELDS, words)
    | {"input_tokens": numbers, "streaming": st.booleans(), "time_of_day": times},
)
facts = st.fixed_dictionaries(
    dict.fromkeys(FIELDS, st.sampled_from(PIECES))
    | {
        "input_tokens": st.none() | st.integers(0, 32),
        "streaming": st.sampled_from((0, 1)),
        "time_of_day": st.integers(0, 24 * 60 - 1),
    }
)


@given(whens, whens, st.lists(facts, min_size=1, max_size=20))
def test_a_rule_that_is_said_to_be_hidden_is_reached_by_no_call(
    first: Any, second: Any, calls: list[dict[str, Any]]
) -> None:
    before, after = PolicyRule("a", when=parse_when(first)), PolicyRule("b", when=parse_when(second))
    if before.hides(after):
        assert all(before.matches(call) for call in calls if after.matches(call))


@given(st.sampled_from(FIELDS), words, words)
def test_what_excludes_each_other_is_never_true_at_once(field: str, one: Any, other: Any) -> None:
    [a], [b] = parse_when({field: one}), parse_when({field: other})
    both = [fact for fact in PIECES if a.holds(fact) and b.holds(fact)]  # type: ignore[arg-type]
    assert not (excludes(a, b) and both) and excludes(a, b) == excludes(b, a)


@pytest.mark.parametrize(
    ("first", "second", "hides"),
    [
        ({}, {"plan": "free"}, True),
        ({"plan": "free"}, {}, False),
        ({"plan": ["free", "pro"]}, {"plan": "free", "region": "eu"}, True),
        ({"locale": "en"}, {"locale": "en-gb"}, True),
        ({"locale": "en-gb"}, {"locale": "en"}, False),
        ({"model": "openai/*"}, {"model": "openai/gpt-*"}, True),
        ({"model": {"not": "openai/gpt-4o"}}, {"model": "openai/*"}, False),
        ({"plan": {"not": "free"}}, {"plan": "pro"}, True),
        ({"plan": {"not": "free"}}, {"plan": {"not": ["free", "pro"]}}, True),
        ({"plan": {"not": ["free", "pro"]}}, {"plan": {"not": "free"}}, False),
        ({"input_tokens": {"gt": 5}}, {"input_tokens": {"between": [7, 9]}}, True),
        ({"time_of_day": {"between": ["22:00", "06:00"]}}, {"time_of_day": {"lt": "05:00"}}, True),
    ],
)
def test_it_is_found_out_which_rule_hides_which(first: Any, second: Any, hides: bool) -> None:
    before, after = PolicyRule("a", when=parse_when(first)), PolicyRule("b", when=parse_when(second))
    assert before.hides(after) is hides


@given(whens)
def test_what_is_written_out_is_read_again_as_the_same(when: Any) -> None:
    try:
        config = parse_policy({"rules": [{"label": "x", "when": when}]})
    except InvalidFields:
        return
    turned = dict(reversed(when_as_json(config.rules[0].when).items()))
    assert parse_when(turned) == config.rules[0].when
    assert parse_policy(config.as_dict()) == config
