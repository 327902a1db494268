"""A minted key's rules: what both allow, and what goes beyond."""

from __future__ import annotations

import pytest

from app.domain.key_rules import KeyRules
from app.domain.minting import beyond, both, includes, tightest


@pytest.mark.parametrize(
    ("wide", "narrow", "holds"),
    [
        ("*", "openai/gpt-4o", True),
        ("openai/*", "openai/gpt-*", True),
        ("openai/gpt-*", "openai/*", False),
        ("openai/gpt-4o", "openai/gpt-4o", True),
        ("openai/?", "openai/*", False),
        ("openai/*mini", "openai/x-mini", False),  # not understood: refused rather than let through
    ],
)
def test_which_pattern_holds_which(wide: str, narrow: str, holds: bool) -> None:
    assert includes(wide, narrow) is holds


def test_rules_together_allow_only_what_each_of_them_does() -> None:
    one = KeyRules(("openai/*",), ("openai", "groq"), ("deepseek",), 30, 500)
    other = KeyRules(("openai/gpt-*", "anthropic/*"), ("openai",), ("xai",), None, 200)
    whole = tightest(one, other)
    assert whole == KeyRules(("openai/gpt-*",), ("openai",), ("deepseek", "xai"), 30, 200)
    assert beyond(whole, one) == [] == beyond(whole, other)
    apart = tightest(KeyRules(("openai/*",), ("openai",)), KeyRules(("groq/*",), ("groq",)))
    assert not any(apart.allows(model) for model in ("openai/x", "groq/x", "openai", "x"))


def test_every_rule_that_goes_beyond_is_named() -> None:
    most = KeyRules(("openai/*",), ("openai",), ("xai",), 30, 500)
    assert beyond(KeyRules(), most) == [
        "models", "allowed_providers", "excluded_providers", "min_quality", "max_cost_usd_per_request",
    ]  # fmt: skip
    assert beyond(KeyRules(), KeyRules()) == []
    assert beyond(KeyRules(min_quality=0), KeyRules(min_quality=0)) == []


def test_none_is_everything_and_an_empty_list_nothing() -> None:
    assert both(None, None) is None
    assert both(["a", "b"], None) == ("a", "b") == both(None, ["a", "b"])
    assert both(["a", "b"], ["b", "c"]) == ("b",)
    assert both(["a"], ["c"]) == ()
