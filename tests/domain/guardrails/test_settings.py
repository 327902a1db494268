"""Guardrail settings: what may be written, how levels merge, what a locked rule keeps."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.errors import InvalidFields, InvalidInput
from app.domain.guardrails.rules import Rule, effective
from app.domain.guardrails.settings import KINDS, merged, parse_guardrails

FULL: dict[str, Any] = {
    "addresses": {"allow": ["203.0.113.0/24", "2001:db8::/32"], "locked": True},
    "hours": {"from": "08:00", "to": "18:30", "days": ["mon", "fri"]},
    "length": {"most_characters": 20_000},
    "keywords": {"words": ["Project X"], "action": "mask", "on": "output"},
    "secrets": {"kinds": ["github", "jwt"], "action": "redact"},
    "pii": {"kinds": ["email"], "names": ["Erika"], "action": "redact", "locked": True},
    "patterns": {
        "patterns": [{"name": "order", "pattern": r"ORD-\d{6}", "action": "flag"}],
        "action": "mask",
    },
    "injection": {"action": "flag"},
    "language": {"allowed": ["de", "en"]},
    "json_only": {},
    "judge": {"rule": "No medical advice.", "model": "openai/gpt-4o-mini", "action": "shadow"},
}


def errors_of(settings: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        parse_guardrails({"guardrails": settings})
    return caught.value.errors if isinstance(caught.value, InvalidFields) else {"": caught.value.message}


def test_everything_may_be_set_and_comes_back_as_it_was() -> None:
    assert FULL.keys() == KINDS.keys()
    assert parse_guardrails({"guardrails": FULL}) == FULL
    assert parse_guardrails({"guardrails": dict(reversed(FULL.items()))}) == FULL
    assert list(parse_guardrails({"guardrails": dict(reversed(FULL.items()))})) == list(KINDS)
    assert parse_guardrails({}) == parse_guardrails({"guardrails": None}) == {}


@pytest.mark.parametrize(
    ("kind", "fields", "path", "words"),
    [
        ("pii", {"action": "delete"}, "pii.action", "Must be one of"),
        ("pii", {"action": ["mask"]}, "pii.action", "Must be one of"),
        ("pii", {"on": "both sides"}, "pii.on", "input, output, both"),
        ("pii", {"locked": "yes"}, "pii.locked", "true or false"),
        ("pii", {"kinds": ["email", "dna"]}, "pii.kinds", "Unknown: dna"),
        ("pii", {"kinds": "email"}, "pii.kinds", "list"),
        ("pii", {"names": ["x" * 201]}, "pii.names", "at most"),
        ("pii", {"names": [f"n{n}" for n in range(1_001)]}, "pii.names", "1000"),
        ("pii", {"colour": 1}, "pii.colour", "no such field"),
        ("secrets", {"kinds": ["enigma"]}, "secrets.kinds", "Unknown: enigma"),
        ("keywords", {"words": [f"w{n}" for n in range(5_001)]}, "keywords.words", "5000"),
        ("keywords", {"words": ["\u200b"]}, "keywords.words", "no visible character"),
        ("keywords", {"words": [1]}, "keywords.words", "list of texts"),
        ("length", {"most_characters": 0}, "length.most_characters", "from 1 to"),
        ("length", {"most_characters": True}, "length.most_characters", "whole number"),
        ("length", {"action": "mask"}, "length.action", "cannot mask"),
        ("injection", {"action": "redact"}, "injection.action", "cannot redact"),
        ("language", {"action": "mask"}, "language.action", "cannot mask"),
        ("json_only", {"action": "mask"}, "json_only.action", "cannot mask"),
        ("judge", {"action": "mask"}, "judge.action", "cannot mask"),
        ("judge", {"rule": "x" * 2_001}, "judge.rule", "2000"),
        ("language", {"allowed": ["de", "klingon"]}, "language.allowed", "Unknown: klingon"),
        ("addresses", {"allow": ["10.0.0.300"]}, "addresses.allow", "no IP address"),
        ("addresses", {"allow": []}, "addresses.allow", "let nobody in"),
        ("hours", {"from": "8:00"}, "hours.from", "like 08:30"),
        ("hours", {"from": "25:00"}, "hours.from", "like 08:30"),
        ("hours", {"from": "08:00", "to": "08:00"}, "hours.to", "another time"),
        ("hours", {"days": ["monday"]}, "hours.days", "Unknown: monday"),
        ("hours", {"days": []}, "hours.days", "let nobody in"),
        ("patterns", {"patterns": {}}, "patterns.patterns", "list of objects"),
        ("patterns", {"patterns": [{"name": "a", "pattern": "b"}] * 51}, "patterns.patterns", "50"),
        ("patterns", {"patterns": [{"pattern": "b"}]}, "patterns.patterns.1.name", "fill this in"),
        ("patterns", {"patterns": [{"name": "a"}]}, "patterns.patterns.1.pattern", "fill this in"),
        (
            "patterns",
            {"patterns": [{"name": "a", "pattern": "(b"}]},
            "patterns.patterns.1.pattern",
            "not closed",
        ),
        (
            "patterns",
            {"patterns": [{"name": "a", "pattern": "b", "action": "x"}]},
            "patterns.patterns.1.action",
            "Must be",
        ),
        (
            "patterns",
            {"patterns": [{"name": "a", "pattern": "b", "x": 1}]},
            "patterns.patterns.1.x",
            "no such",
        ),
        (
            "patterns",
            {"patterns": [{"name": "a", "pattern": "b"}, {"name": "a", "pattern": "c"}]},
            "patterns.patterns.2.name",
            "this name",
        ),
        ("pii", ["email"], "pii", "Must be an object"),
        ("magic", {}, "magic", "no such guardrail"),
    ],
)
def test_what_is_wrong_is_told_where_it_is(kind: str, fields: Any, path: str, words: str) -> None:
    errors = errors_of({kind: fields})
    assert list(errors) == [path]
    assert words in errors[path].replace(",", "") or words in errors[path]


def test_all_errors_are_told_at_once() -> None:
    errors = errors_of({"pii": {"action": 1, "kinds": ["x"]}, "magic": {}, "length": {"most_characters": -1}})
    assert set(errors) == {"pii.action", "pii.kinds", "magic", "length.most_characters"}


def test_a_field_of_null_is_inherited_and_texts_lose_doubles() -> None:
    settings = {
        "pii": {"action": None},
        "keywords": {"words": ["a", " a ", "b"]},
        "hours": {"days": ["fri", "mon"]},
    }
    assert parse_guardrails({"guardrails": settings}) == {
        "hours": {"days": ["mon", "fri"]},
        "keywords": {"words": ["a", "b"]},
        "pii": {},
    }


def test_levels_merge_per_field_and_lists_replace() -> None:
    above = {"pii": {"action": "mask", "kinds": ["email", "phone"]}, "keywords": {"words": ["a"]}}
    below = {"pii": {"kinds": ["card"]}, "keywords": {"action": "flag"}}
    assert merged([above, {}, below]) == {
        "pii": {"action": "mask", "kinds": ["card"]},
        "keywords": {"words": ["a"], "action": "flag"},
    }
    assert above == {"pii": {"action": "mask", "kinds": ["email", "phone"]}, "keywords": {"words": ["a"]}}


def test_a_locked_rule_stays() -> None:
    above = [{"pii": {"action": "block", "locked": True}}, {"secrets": {"action": "mask"}}]
    below = {"pii": {"action": "off", "locked": False, "kinds": ["email"]}, "secrets": {"action": "off"}}
    assert merged([*above, below])["pii"] == {"action": "block", "locked": True}
    assert merged([*above, below])["secrets"] == {"action": "off"}


def test_rules_come_in_their_order_with_defaults_filled_in() -> None:
    rules = effective(parse_guardrails({"guardrails": FULL}))
    assert [rule.name for rule in rules] == [
        "length", "keywords", "secrets", "pii", "pattern:order", "injection", "language", "json_only",
        "judge",
    ]  # fmt: skip
    by_name = {rule.name: rule for rule in rules}
    assert by_name["length"] == Rule("length", "length", "block", "both", most_characters=20_000)
    assert by_name["injection"].on == "input" and by_name["json_only"].on == "output"
    assert by_name["pattern:order"].action == "flag"
    assert by_name["pii"].names == ("Erika",) and by_name["pii"].locked
    assert [rule.name for rule in rules if rule.is_whole] == ["length", "language", "json_only", "judge"]


@pytest.mark.parametrize(
    "settings",
    [
        {"pii": {"action": "off"}},
        {"keywords": {"action": "block"}},
        {"keywords": {"words": []}},
        {"length": {}},
        {"language": {"allowed": []}},
        {"judge": {"model": "openai/gpt"}},
        {"secrets": {"kinds": []}},
        {"pii": {"kinds": [], "names": []}},
        {"patterns": {"action": "off", "patterns": [{"name": "a", "pattern": "b", "action": "block"}]}},
        {"addresses": {"allow": ["10.0.0.1"]}},
    ],
)
def test_rules_that_are_off_or_have_nothing_to_do_are_left_out(settings: dict[str, Any]) -> None:
    assert effective(parse_guardrails({"guardrails": settings})) == ()


def test_a_level_below_may_switch_off_what_is_not_locked() -> None:
    assert effective(merged([{"injection": {}}, {"injection": {"action": "off"}}])) == ()
    assert effective(merged([{"injection": {"locked": True}}, {"injection": {"action": "off"}}]))
