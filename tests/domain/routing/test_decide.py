"""The whole decision: reproducible, with candidates, prices, reasons and a baseline to compare with."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.domain.calls import Usage
from app.domain.decisions import Classification
from app.domain.key_rules import KeyRules
from app.domain.pricing import MILLION
from app.domain.routing.conversations import is_continued, opening
from app.domain.routing.costs import Estimate, cost_at, savings_nano_usd
from app.domain.routing.decide import Choice, choose
from app.domain.routing.filters import Ask
from app.domain.routing.needs import Needs
from app.domain.targets import Candidate
from app.domain.wishes import Wishes
from tests.domain.routing.shop import LARGE, MIDDLE, SHOP, SMALL, TINY, candidate

NEEDS = Needs(frozenset(), 1_000, None)
CODE = Classification("code", "moderate", 80)
CHAT = Classification("chat", "simple", 60)


def decided(kind: Classification = CHAT, ask: Ask | None = None, **fields: Any) -> Choice:
    return choose("auto", SHOP, kind, NEEDS, replace(ask or Ask(), needs=NEEDS), MILLION, **fields)


def test_a_harder_request_goes_to_a_better_model() -> None:
    assert decided(CHAT).chain[0] is SMALL
    assert decided(CODE).chain[0] is MIDDLE


def test_the_decision_tells_candidates_prices_reasons_and_the_baseline() -> None:
    decision = decided(CODE, Ask(rules=KeyRules(excluded_providers=("one",)))).decision
    told = {each.model_id: each for each in decision.considered}
    assert decision.chain == ("two/middle", "three/large") and decision.min_quality == 74
    assert told["two/middle"].estimated_nano_usd == 1_000_000 + 3_600_000
    assert told["two/middle"].reasons == ("Its quality is at least 74.",)
    assert told["one/tiny"].filtered_out_by == "key_rules"
    assert decision.baseline_model == "three/large" and decision.baseline_nano_usd == 27_500_000


def test_a_decision_is_kept_as_plain_values() -> None:
    decision = decided(CODE).decision
    assert decision.as_dict() == asdict(decision) | {"considered": [asdict(c) for c in decision.considered]}


def test_the_dearest_that_fits_is_the_baseline_unless_one_is_named() -> None:
    assert decided().baseline == LARGE.facts
    assert decided(baseline=SMALL.facts).baseline is SMALL.facts


def test_who_names_a_baseline_finds_it_good_enough() -> None:
    ask = Ask(wishes=Wishes(baseline_model="one/small"))
    assert decided(CODE, ask, baseline=SMALL.facts).chain[0] is SMALL
    assert decided(CODE, Ask(), baseline=SMALL.facts).chain[0] is MIDDLE, "a project's baseline only measures"


def test_who_asks_for_the_lowest_cost_has_no_floor_but_that_of_the_key() -> None:
    ask = Ask(wishes=Wishes(policy="lowest_cost"))
    assert decided(CODE, ask).chain[0] is TINY
    assert decided(CODE, replace(ask, rules=KeyRules(min_quality=50))).chain[0] is SMALL


def test_without_fallbacks_only_the_winner_is_tried() -> None:
    assert decided(ask=Ask(wishes=Wishes(fallback=False))).chain == (SMALL,)


def test_nobody_left_is_an_empty_chain_and_the_dropped_say_why() -> None:
    choice = decided(ask=Ask(wishes=Wishes(zdr=True)))
    assert choice.chain == () and {each.by.name for each in choice.dropped} == {"zdr"}
    assert choice.decision.baseline_model is None


@given(st.integers(0, 10**7), st.integers(0, 10**6), st.integers(0, 10**7), st.sampled_from(SHOP))
def test_an_estimate_is_what_the_bill_would_be(given: int, made: int, ppm: int, one: Candidate) -> None:
    assert Estimate(given, made, ppm).nano_usd(one) == cost_at(one.facts, Usage(given, made), ppm)


@given(st.permutations(SHOP), st.sampled_from(["", "lowest_cost", "quality"]))
def test_the_same_models_give_the_same_decision_in_any_order(shop: list[Any], policy: str) -> None:
    ask = Ask(wishes=Wishes(policy=policy), needs=NEEDS)
    one = choose("auto", shop, CODE, NEEDS, ask, MILLION)
    assert one.decision == choose("auto", SHOP, CODE, NEEDS, ask, MILLION).decision


def test_savings_are_for_the_same_tokens_and_never_less_than_nothing() -> None:
    usage = Usage(1_000, 1_000)
    assert savings_nano_usd(LARGE.facts, SMALL.facts, usage, MILLION) == 29_000_000
    assert savings_nano_usd(LARGE.facts, SMALL.facts, usage, 2 * MILLION) == 58_000_000
    assert savings_nano_usd(LARGE.facts, SMALL.facts, usage, MILLION, 10_000_000) == 19_000_000
    assert savings_nano_usd(SMALL.facts, LARGE.facts, usage, MILLION) == 0
    assert savings_nano_usd(LARGE.facts, candidate("a/b", None).facts, usage, MILLION) is None
    assert savings_nano_usd(None, SMALL.facts, usage, MILLION) is None


def test_a_conversation_is_told_by_how_it_began() -> None:
    begun = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    later = [*begun, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "And now?"}]
    assert opening({"messages": begun}) == opening({"messages": later}) == ("", "Be brief.", "Hi")
    assert opening({"messages": begun, "user": "u1"}) != opening({"messages": begun, "user": "u2"})
    assert is_continued({"messages": later}) and not is_continued({"messages": begun})
