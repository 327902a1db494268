"""Each filter excludes exactly what it names, and an empty set is told by it."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.key_rules import KeyRules
from app.domain.routing.costs import Estimate
from app.domain.routing.filters import Ask, for_chosen, for_named, split, told
from app.domain.routing.needs import Needs
from app.domain.targets import Candidate
from app.domain.wishes import Wishes
from tests.domain.routing.shop import ALL, LARGE, SHOP, TINY, candidate

PLAIN = Needs(frozenset(), 100, 100)


def excluded_by(ask: Ask, one: Candidate, *, named: bool = False) -> str | None:
    filters = for_named(ask) if named else for_chosen(ask, [one])
    _, dropped = split([one], filters)
    return dropped[0].by.name if dropped else None


def wish(**fields: Any) -> Ask:
    return Ask(wishes=Wishes(**fields), needs=PLAIN)


FP8 = candidate("a/fp8", quantization="fp8")
CASES = [
    (wish(no_training=True), candidate("a/x", may_train=True), "data_collection"),
    (wish(no_training=True), candidate("a/x"), None),
    (wish(zdr=True), candidate("a/x"), "zdr"),
    (wish(zdr=True), candidate("a/x", zdr=True), None),
    (wish(providers=("b",)), candidate("a/x"), "providers"),
    (wish(providers=("a",)), candidate("a/x"), None),
    (wish(min_quantization="bf16"), FP8, "quantization"),
    (wish(min_quantization="fp8"), FP8, None),
    (wish(max_quantization="int8"), FP8, "quantization"),
    (wish(max_quantization="fp16"), FP8, None),
    (wish(max_quantization="fp32"), candidate("a/x"), "quantization"),
    (wish(max_input_nano_usd_per_million=10**9), candidate("a/x", "2/2"), "max_cost_per_1m_input"),
    (wish(max_input_nano_usd_per_million=10**9), candidate("a/x", "1/9"), None),
    (wish(max_input_nano_usd_per_million=10**9), candidate("a/x", None), "max_cost_per_1m_input"),
    (Ask(rules=KeyRules(models=("b/*",))), candidate("a/x"), "key_rules"),
    (Ask(rules=KeyRules(models=("a/*",))), candidate("a/x"), None),
    (Ask(rules=KeyRules(allowed_providers=("b",))), candidate("a/x"), "key_rules"),
    (Ask(rules=KeyRules(excluded_providers=("a",))), candidate("a/x"), "key_rules"),
    (Ask(rules=KeyRules(min_quality=61)), candidate("a/x", quality=60), "key_min_quality"),
    (Ask(rules=KeyRules(min_quality=51)), candidate("a/x", quality=None), "key_min_quality"),
    (Ask(rules=KeyRules(min_quality=60)), candidate("a/x", quality=60), None),
    (Ask(counts_money=True), candidate("a/x", None), "unpriced"),
    (Ask(counts_money=True), candidate("a/x", "0/0"), None),
]


@pytest.mark.parametrize(("ask", "one", "name"), CASES)
@pytest.mark.parametrize("named", [True, False])
def test_rules_and_wishes_hold_for_named_and_for_chosen_models(
    ask: Ask, one: Candidate, name: str | None, named: bool
) -> None:
    assert excluded_by(ask, one, named=named) == name


@pytest.mark.parametrize(
    ("ask", "one", "name"),
    [
        (Ask(min_quality=61), candidate("a/x", quality=60), "min_quality"),
        (Ask(), candidate("a/x", deprecated=True), "deprecated"),
        (
            Ask(needs=Needs(frozenset({"vision"}), 1, 1)),
            candidate("a/x", features=ALL - {"vision"}),
            "vision",
        ),
        (Ask(needs=Needs(frozenset({"tools"}), 1, 1)), candidate("a/x", features=frozenset()), "tools"),
        (Ask(needs=PLAIN), candidate("a/x", features=frozenset({"embeddings"})), "modality"),
        (Ask(needs=Needs(frozenset(), 99_900, 101)), candidate("a/x"), "context"),
        (Ask(needs=Needs(frozenset(), 99_900, 100)), candidate("a/x"), None),
        (Ask(needs=Needs(frozenset(), 10**9, 1)), candidate("a/x", context_tokens=None), None),
    ],
)
def test_what_a_model_can_do_excludes_it_only_where_the_choice_is_ours(
    ask: Ask, one: Candidate, name: str | None
) -> None:
    assert excluded_by(ask, one) == name
    assert excluded_by(ask, one, named=True) is None


def test_the_demo_steps_back_where_a_real_provider_is_ready() -> None:
    demo = candidate("demo/fast", dialect="demo")
    assert split([demo], for_chosen(Ask(), [demo]))[0] == [demo]
    assert split([demo, TINY], for_chosen(Ask(), [demo, TINY]))[0] == [TINY]
    only_demo = Ask(rules=KeyRules(models=("demo/*",)))
    assert split([demo, TINY], for_chosen(only_demo, [demo, TINY]))[0] == [demo]


def test_the_limit_of_a_key_on_one_request_excludes_what_may_cost_more() -> None:
    ask = Ask(rules=KeyRules(max_cost_nano_usd_per_request=10**6), longest=Estimate(1_000, 1_000))
    left, dropped = split(SHOP, for_named(ask))
    assert [each.model_id for each in left] == ["one/small", "one/tiny"]
    assert {each.by.name for each in dropped} == {"max_cost"}


def test_an_empty_set_is_told_by_filter_and_number() -> None:
    ask = Ask(wishes=Wishes(zdr=True, providers=("three",)))
    text = told(split(SHOP, for_named(ask))[1])
    assert text == (
        "'zdr' excluded 1 model (it is at a provider without zero data retention); "
        "'providers' excluded 3 models (it is not at one of the providers asked for)"
    )
    assert LARGE.provider_slug == "three"
