"""What one level may say below another, and what counts as weaker."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.errors import InvalidFields
from app.domain.guardrails.levels import check_locks, effective, given, weakened

PII: dict[str, Any] = {"action": "mask", "kinds": ["email", "iban"], "on": "both"}


def test_a_locked_rule_is_not_changed_below_and_the_error_says_who_locked_it() -> None:
    above = [("the workspace", {"pii": {"action": "block", "locked": True}}), ("the project “P”", {})]
    with pytest.raises(InvalidFields) as caught:
        check_locks(above, {}, {"pii": {"action": "flag"}, "keywords": {"words": ["x"]}})
    assert list(caught.value.errors) == ["guardrails.pii"]
    assert "the workspace" in caught.value.errors["guardrails.pii"]
    check_locks(above, {"pii": PII}, {"pii": PII})  # what was there before it was locked may stay
    check_locks(above, {"pii": PII}, {})


@pytest.mark.parametrize(
    ("kind", "before", "after", "weaker"),
    [
        ("pii", PII, {"action": "block"}, False),
        ("pii", PII, {"action": "flag"}, True),
        ("pii", PII, {"action": "off"}, True),
        ("pii", PII, {"kinds": ["email"]}, True),
        ("pii", PII, {"kinds": ["email", "iban", "card"]}, False),
        ("pii", PII, {"on": "input"}, True),
        ("pii", {"action": "flag"}, {"kinds": ["email"]}, True),
        ("pii", {"action": "off"}, {"action": "shadow"}, False),
        ("keywords", {"words": ["a"]}, {"words": ["a", "b"]}, False),
        ("keywords", {"words": ["a"]}, {"words": ["b"]}, True),
        ("length", {"most_characters": 100}, {"most_characters": 50}, False),
        ("length", {"most_characters": 100}, {"most_characters": 200}, True),
        ("language", {"allowed": ["en", "de"]}, {"allowed": ["en"]}, False),
        ("language", {"allowed": ["en"]}, {"allowed": ["en", "de"]}, True),
        ("addresses", {"allow": ["10.0.0.0/8"]}, {"allow": ["0.0.0.0/0"]}, True),
        ("hours", {"from": "08:00", "to": "18:00"}, {"to": "20:00"}, True),
        ("judge", {"rule": "no", "model": "a/b"}, {"rule": "yes"}, True),
        ("patterns", {"patterns": [{"name": "n", "pattern": "a"}]}, {"patterns": []}, True),
        ("injection", {"locked": True}, {"locked": False}, True),
        ("injection", {"locked": True, "action": "flag"}, {"action": "block"}, True),
    ],
)
def test_what_a_further_level_would_make_weaker(
    kind: str, before: dict[str, Any], after: dict[str, Any], weaker: bool
) -> None:
    assert (weakened({kind: before}, {kind: after}) == [kind]) is weaker


def test_what_minted_keys_say_only_adds() -> None:
    shared = [{"pii": {"action": "block", "kinds": ["email"]}}]
    minted = [{"pii": {"action": "off"}, "keywords": {"words": ["x"]}}, {"keywords": {"action": "flag"}}]
    assert effective(shared, minted) == {"pii": shared[0]["pii"], "keywords": {"words": ["x"]}}


def test_errors_name_the_place_in_the_thing_that_is_set() -> None:
    with pytest.raises(InvalidFields) as caught:
        given({"guardrails": {"pii": {"kinds": ["nonsense"]}}})
    assert list(caught.value.errors) == ["guardrails.pii.kinds"]
