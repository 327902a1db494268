"""A policy's rules: which one decides and what it says, and what is told of rules that cannot be meant."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.errors import InvalidFields
from app.domain.policies.rules import Bounds, PolicyConfig, parse_policy, rule_on

ASKED = ("openai/gpt-4o",)


def policy(*rules: dict[str, Any]) -> PolicyConfig:
    return parse_policy({"rules": [{"label": f"Rule {number}", **rule} for number, rule in enumerate(rules)]})


def errors(*rules: Any) -> dict[str, str]:
    with pytest.raises(InvalidFields) as caught:
        parse_policy({"rules": [{"label": f"Rule {number}", **rule} for number, rule in enumerate(rules)]})
    return caught.value.errors


@pytest.mark.parametrize(
    ("rule", "models"),
    [
        ({}, ASKED),
        ({"action": "allow"}, ASKED),
        ({"action": "DOWNGRADE", "models": ["a/b", "c/d"]}, ("a/b", "c/d")),
        ({"action": "FALLBACK", "models": ["a/b", "openai/gpt-4o"]}, (*ASKED, "a/b")),
        ({"action": "BLOCK"}, ()),
    ],
)
def test_an_action_says_which_models_answer_in_which_order(
    rule: dict[str, Any], models: tuple[str, ...]
) -> None:
    ruling = rule_on(policy(rule), ASKED, {})
    assert (ruling.action, ruling.rule, ruling.models) == (
        rule.get("action", "ALLOW").upper(),
        "Rule 0",
        models,
    )


def test_the_first_rule_that_holds_decides_and_without_one_the_asked_for_model_answers() -> None:
    config = policy(
        {"when": {"plan": "free", "region": "eu"}, "action": "BLOCK", "message": "Not here."},
        {"when": {"plan": "free"}, "action": "DOWNGRADE", "models": ["a/b"], "min_quality": 40},
    )
    assert config.needs == {"plan", "region"}
    blocked = rule_on(config, ASKED, {"plan": "free", "region": "eu"})
    assert (blocked.action, blocked.message) == ("BLOCK", "Not here.")
    lowered = rule_on(config, ASKED, {"plan": "free", "region": "us"})
    assert (lowered.models, lowered.bounds) == (("a/b",), Bounds(min_quality=40))
    allowed = rule_on(config, ASKED, {"plan": "pro", "region": "eu"})
    assert (allowed.action, allowed.rule, allowed.models) == ("ALLOW", "", ASKED)


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"label": ""}, "label"),
        ({"label": "x" * 61}, "label"),
        ({"label": "a\nb"}, "label"),
        ({"colour": 1}, "colour"),
        ({"action": "DENY"}, "action"),
        ({"when": {"plan": 1}}, "when.plan"),
        ({"models": ["a/b"]}, "models"),
        ({"action": "DOWNGRADE"}, "models"),
        ({"action": "FALLBACK", "models": []}, "models"),
        ({"action": "DOWNGRADE", "models": [f"a/{number}" for number in range(6)]}, "models"),
        ({"action": "DOWNGRADE", "models": "a/b"}, "models"),
        ({"message": "No."}, "message"),
        ({"action": "BLOCK", "message": "x" * 301}, "message"),
        ({"action": "BLOCK", "min_quality": 3}, "action"),
        ({"action": "BLOCK", "prompt": "support"}, "action"),
        ({"prompt": "Support desk"}, "prompt"),
        ({"prompt": "support@0"}, "prompt"),
        ({"min_quality": 101}, "min_quality"),
        ({"max_usd_per_request": 1}, "max_usd_per_request"),
        ({"max_usd_per_request": "-1"}, "max_usd_per_request"),
        ({"max_input_usd_per_million": "cheap"}, "max_input_usd_per_million"),
        ({"providers": ["openai"], "excluded_providers": ["OpenAI"]}, "excluded_providers"),
        ({"when": {"input_tokens": {"gt": 9, "lt": 5}}}, "when"),
    ],
)
def test_what_is_wrong_with_a_rule_is_told_where_it_stands(rule: dict[str, Any], field: str) -> None:
    fine = {"when": {"plan": "first"}}
    assert set(errors(fine, rule)) == {f"rules.1.{field}"}


def test_rules_that_nobody_reaches_are_told_with_who_takes_their_calls() -> None:
    told = errors(
        {"when": {"plan": ["free", "trial"]}, "action": "BLOCK"},
        {"when": {"plan": "pro"}},
        {"when": {"plan": "free", "region": "eu"}},
        {"when": {"plan": "trial"}, "action": "BLOCK", "label": "Rule 1"},
    )
    assert set(told) == {"rules.2.when", "rules.3.when", "rules.3.label"}
    assert "rule 1 (“Rule 0”)" in told["rules.2.when"] and "says BLOCK" in told["rules.2.when"]
    assert "does the same" in told["rules.3.when"]


@pytest.mark.parametrize("rules", ["x", [1], [{}] * 51, {"a": 1}])
def test_rules_must_be_a_list_of_rules(rules: Any) -> None:
    with pytest.raises(Exception, match="list of rules|at most 50 rules"):
        parse_policy({"rules": rules})


def test_everything_that_can_be_set_is_written_out_and_read_again() -> None:
    config = policy(
        {"when": {"plan": {"not": ["free"]}}, "action": "BLOCK", "message": "Ask sales."},
        {
            "when": {"input_tokens": {"lt": 9, "gt": 2}, "streaming": True},
            "action": "DOWNGRADE",
            "models": ["a/b"],
            "prompt": "support@3",
            "max_usd_per_request": "0.05",
            "max_input_usd_per_million": "2.5",
            "min_quality": 0,
            "providers": ["OpenAI"],
        },
    )
    written = config.as_dict()
    assert written["rules"][1]["max_usd_per_request"] == "0.05"
    assert written["rules"][1]["providers"] == ["openai"] and written["rules"][1]["min_quality"] == 0
    assert parse_policy(written) == config
