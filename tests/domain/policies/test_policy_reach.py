"""Which rules of a policy calls get to, and which fit the same calls: never more is claimed than is so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidFields
from app.domain.policies.conditions import Fact, parse_when
from app.domain.policies.overlaps import overlaps
from app.domain.policies.reach import OTHER, Reach, Unsure
from app.domain.policies.rules import PolicyConfig, PolicyRule, parse_policy

NOT_FREE = {"plan": {"not": "free"}}
WORDS = ("a", "ab", "a*", "b", "*", "en", "en-gb", "en-*")
TOLD = ("", "a", "ab", "abc", "b", "c", "en", "en-gb", "en_us", "en-x")
TIMES = ("00:00", "06:00", "12:00", "23:59")


def rules(*whens: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"label": f"R{number}", "when": when} for number, when in enumerate(whens, 1)]


def conditions_of_words() -> st.SearchStrategy[Any]:
    values = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True)
    return values | values.map(lambda chosen: {"not": chosen})


def conditions_of_numbers(*values: Any) -> st.SearchStrategy[Any]:
    one = st.sampled_from(values)
    return st.builds(
        lambda name, value: {name: value}, st.sampled_from(("lt", "gte", "eq")), one
    ) | st.builds(lambda low, high: {"between": [low, high]}, one, one)


WHENS = st.fixed_dictionaries(
    {},
    optional={
        "plan": conditions_of_words(),
        "locale": conditions_of_words(),
        "time_of_day": conditions_of_numbers(*TIMES),
        "input_tokens": conditions_of_numbers(0, 5, 6, 100),
        "monthly_spend_pct": conditions_of_numbers(1, 50),
        "streaming": st.booleans(),
    },
)
CALLS = st.fixed_dictionaries(
    {
        "plan": st.sampled_from(TOLD),
        "locale": st.sampled_from(TOLD),
        "time_of_day": st.sampled_from((0, 1, 359, 360, 361, 719, 720, 1438, 1439)),
        "input_tokens": st.sampled_from((0, 1, 4, 5, 6, 7, 99, 100, 101)),
        "monthly_spend_pct": st.sampled_from((None, 0, 1, 2, 49, 50, 51)),
        "streaming": st.sampled_from((0, 1)),
    }
)


@st.composite
def policies(draw: st.DrawFn) -> list[PolicyRule]:
    made: list[PolicyRule] = []
    for when in draw(st.lists(WHENS, min_size=1, max_size=6)):
        try:
            [rule] = parse_policy({"rules": [{"label": str(len(made)), "when": when}]}).rules
        except InvalidFields:
            continue  # nobody could fulfil it
        made.append(rule)
    return made


@given(policies(), st.lists(CALLS, min_size=1, max_size=30))
def test_a_rule_that_a_call_gets_to_is_never_called_unreachable(
    made: list[PolicyRule], calls: list[dict[str, Fact]]
) -> None:
    reach = Reach([rule.when for rule in made])
    hidden = {number for number in range(len(made)) if reach.hiding(number) is not None}
    reached = {
        next((number for number, rule in enumerate(made) if rule.matches(call)), None) for call in calls
    }
    assert not hidden & reached


@given(policies())
def test_what_is_called_reachable_is_and_who_hides_a_rule_does_so_only_together(
    made: list[PolicyRule],
) -> None:
    reach = Reach([rule.when for rule in made])
    for number, rule in enumerate(made):
        hiding = reach.hiding(number)
        call = reach.find(1 << number, (1 << number) - 1)
        if hiding is None:
            assert call is not None and rule.matches(call)
            assert not any(first.matches(call) for first in made[:number])
            continue
        assert call is None
        for one in hiding:
            others = [made[other] for other in hiding if other != one]
            alone = reach.find(1 << number, sum(1 << other for other in hiding if other != one))
            assert alone is not None and rule.matches(alone)
            assert not any(first.matches(alone) for first in others)


@given(policies())
def test_a_rule_that_one_earlier_rule_hides_is_found_hidden(made: list[PolicyRule]) -> None:
    reach = Reach([rule.when for rule in made])
    for number, rule in enumerate(made):
        if any(first.hides(rule) for first in made[:number]):
            assert reach.hiding(number) is not None


@given(policies())
def test_the_call_that_shows_an_overlap_fits_both_rules_and_is_decided_by_the_earlier(
    made: list[PolicyRule],
) -> None:
    models = [(f"p/{number}",) for number in range(len(made))]
    config = PolicyConfig(
        tuple(
            PolicyRule(rule.label, "DOWNGRADE", rule.when, chain)
            for rule, chain in zip(made, models, strict=True)
        )
    )
    for each in overlaps(config):
        later = config.rules[each.later]
        assert later.when and later.matches(each.call)
        assert config.first_match(each.call) is config.rules[each.earlier]


@pytest.mark.parametrize(
    ("whens", "hidden"),
    [
        (({"plan": "free"}, NOT_FREE, {}), {2: "rules 1 (“R1”) and 2 (“R2”) together take"}),
        (
            ({"plan": "free"}, {"region": "eu"}, NOT_FREE, {"country": "de"}),
            {3: "1 (“R1”) and 3"},
        ),
        (
            ({"streaming": True}, {"plan": "pro"}, {"streaming": False}, {"plan": "free"}),
            {3: "1 (“R1”) and 3"},
        ),
        (
            (
                {"time_of_day": {"between": ["22:00", "06:00"]}},
                {"time_of_day": {"between": ["06:00", "12:00"]}},
                {"time_of_day": {"gte": "12:00"}},
                {"user": "ann"},
            ),
            {3: "rules 1 (“R1”), 2 (“R2”) and 3 (“R3”) together"},
        ),
        (({"locale": "en-gb"}, {"locale": {"not": "en-gb"}}, {"locale": "en"}), {2: "together"}),
        (({"model": "openai/*"}, {"model": {"not": "openai/gpt-4o"}}, {}), {2: "rules 1 (“R1”) and 2"}),
        (({"trial_status": {"not": "TRIALING"}}, {"trial_status": "TRIALING"}, {}), {2: "together"}),
        (({"input_tokens": {"lt": 10}}, {"input_tokens": {"gte": 11}}, {"plan": "free"}), {}),
        (({"monthly_spend_pct": {"lt": 50}}, {"monthly_spend_pct": {"gte": 50}}, {}), {}),  # without a budget
        (({"plan": "*"}, {"plan": {"not": ["a", "b"]}}, {}), {2: "together"}),
        (({"locale": "en-*"}, {"locale": "en_*"}, {"locale": "en"}), {}),
        (({"plan": "free", "region": "eu"}, NOT_FREE, {"region": "eu"}, {}), {2: "rules 1 (“R1”) and 2"}),
    ],
)
def test_rules_that_several_earlier_ones_hide_together_are_told(
    whens: tuple[dict[str, Any], ...], hidden: dict[int, str]
) -> None:
    found: dict[str, str] = {}
    try:
        parse_policy({"rules": rules(*whens)})
    except InvalidFields as error:
        found = error.errors
    assert set(found) == {f"rules.{number}.when" for number in hidden}
    assert all(text in found[f"rules.{number}.when"] for number, text in hidden.items())


def test_too_many_kinds_of_calls_to_try_are_left_alone() -> None:
    many = [{"user": [f"u{rule}-{number}" for number in range(99)]} for rule in range(3)]
    with pytest.raises(Unsure):
        Reach([parse_when(when) for when in many])
    assert len(parse_policy({"rules": rules(*many, {"user": {"not": many[0]["user"]}}, {})}).rules) == 5
    names = ("plan", "region", "country", "platform", "cohort", "feature", "user", "model", "locale")
    one_each = [
        {name: f"v{number}" for name in names if name != skipped} for skipped in names for number in range(5)
    ]
    assert len(parse_policy({"rules": rules(*one_each, {})}).rules) == 46


def test_rules_for_the_same_calls_are_told_with_one_of_them_exceptions_last() -> None:
    block = {"action": "BLOCK"}
    config = parse_policy(
        {
            "rules": [
                {"label": "Small", "when": {"plan": "free", "region": "eu"}, **block},
                {"label": "Free", "when": {"plan": "free"}, "action": "DOWNGRADE", "models": ["a/b"]},
                {
                    "label": "Europe",
                    "when": {"region": {"not": "us"}},
                    "action": "FALLBACK",
                    "models": ["a/b"],
                },
                {"label": "Also refused", "when": {"plan": "pro"}, **block},
                {"label": "Rest", "action": "FALLBACK", "models": ["a/b"]},
            ]
        }
    )
    told = [(each.later, each.earlier, dict(each.call), each.is_exception) for each in overlaps(config)]
    assert told == [
        (2, 1, {"plan": "free", "region": OTHER}, False),
        (3, 2, {"plan": "pro", "region": "eu"}, False),
        (1, 0, {"plan": "free", "region": "eu"}, True),
        (2, 0, {"plan": "free", "region": "eu"}, True),
    ]


def test_what_is_stored_is_read_whatever_its_order() -> None:
    raw = {"rules": rules({"plan": "free"}, NOT_FREE, {})}
    with pytest.raises(InvalidFields):
        parse_policy(raw)
    assert [rule.label for rule in parse_policy(raw, stored=True).rules] == ["R1", "R2", "R3"]
