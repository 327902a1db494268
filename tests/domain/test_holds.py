"""What is held for a call: the worst that any model of its chain can cost, and no more than is free."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.bounds import UNLIMITED_OUTPUT, Bound
from app.domain.budgets import BudgetFacts
from app.domain.callers import Caller, PlanFacts
from app.domain.calls import Usage
from app.domain.catalog import LongContext, Model
from app.domain.endpoints import EndpointConfig
from app.domain.holds import (
    FREELY,
    NOBODY,
    Free,
    Quote,
    Terms,
    cap_per_request,
    input_nano_usd,
    largest_fitting,
    longest,
    price_snapshot,
    quote,
    terms_of,
)
from app.domain.limits import NO_LIMITS
from app.domain.pricing import Price, cost_nano_usd
from app.domain.targets import Candidate, Target

nano = st.integers(0, 10**12)
prices = st.builds(Price, nano, nano, st.none() | nano, st.none() | nano)
multipliers = st.integers(1, 5_000_000)
models = st.builds(
    Model,
    st.just("up/m"),
    st.just("M"),
    st.none() | prices,
    max_output_tokens=st.none() | st.integers(1, 5_000),
    long_context=st.none() | st.builds(LongContext, st.integers(0, 5_000), prices),
    multiplier_ppm=multipliers,
)
chains = st.lists(st.none() | models, min_size=1, max_size=4).map(
    lambda chain: [candidate(each) for each in chain]
)
bounds = st.builds(Bound, st.integers(0, 10_000), st.none() | st.integers(0, 5_000), st.integers(1, 4))
terms = st.builds(Terms, overage_nano_usd_per_million=st.integers(0, 10**9))


def candidate(facts: Model | None) -> Candidate:
    return Candidate("up/m", "p", "up", "Up", "openai", "https://up.test/v1", "m", facts, ())


def model(price: Price | None, **fields: Any) -> Candidate:
    return candidate(Model("up/m", "M", price, **fields))


def caller(multiplier_ppm: int = 1_000_000, **fields: Any) -> Caller:
    values = {
        "workspace_id": "w", "workspace_slug": "w", "account_id": "a", "project_id": "p", "project_name": "P",
        "surfaces": ("endpoints",), "key_id": "k", "label": "ci", "scopes": ("chat",), "expires_at": None,
        "rate_multiplier_ppm": multiplier_ppm, "payer_id": "a", "prepaid": False, "watched": False,
        "timezone": "UTC", "plan": None, "limits": NO_LIMITS, "budgets": (), "endpoints": None,
        "config_stamp": None, "read_at": 0.0,
    }  # fmt: skip
    return Caller(**{**values, **fields})


def target(operation: str = "chat", *budgets: BudgetFacts) -> Target:
    config = EndpointConfig(model="up/m")
    rest = {"operation": operation, "budgets": budgets}
    return Target("w", "p", "e", "hello", 1, config, (), (), False, None, 0.0, **rest)


def budget(
    scope: str, period: str, usd: int | None = 5, tokens: int | None = None, **fields: Any
) -> BudgetFacts:
    name = f"{scope}-{period}"
    return BudgetFacts(name, scope, scope, name, period, usd, tokens, fields.get("hard", True))


@given(chains, bounds, multipliers, terms, st.data())
def test_no_call_within_its_bounds_costs_more_than_its_quote(
    chain: list[Candidate], bound: Bound, multiplier: int, on: Terms, data: st.DataObject
) -> None:
    output = longest(chain, bound)
    held = quote(chain, bound, output, caller(multiplier), on)
    given_tokens = data.draw(st.integers(0, bound.input_tokens))
    cached = data.draw(st.integers(0, given_tokens))
    usage = Usage(
        given_tokens, data.draw(st.integers(0, output * bound.copies)), cached, given_tokens - cached
    )
    answering = data.draw(st.sampled_from(chain))
    price = answering.facts.price_at(usage.input_tokens) if answering.facts else None
    used = usage.input_tokens + usage.output_tokens
    if answering.facts and price:
        rates = multiplier, answering.facts.multiplier_ppm
        overage = cost_nano_usd(Usage(used), Price(on.overage_nano_usd_per_million, 0))
        assert cost_nano_usd(usage, price, rates) + overage <= held.nano_usd
    assert used <= held.tokens


@given(prices, multipliers, multipliers, st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_quote_is_the_exact_worst_case_rounded_once(
    price: Price, ours: int, models_own: int, input_tokens: int, output_tokens: int
) -> None:
    chain = [model(price, multiplier_ppm=models_own)]
    held = quote(chain, Bound(input_tokens, None), output_tokens, caller(ours), FREELY).nano_usd
    cached = price.cache_read_nano_usd_per_million, price.cache_write_nano_usd_per_million
    dearest = max(price.input_nano_usd_per_million, *(each or 0 for each in cached))
    exact = Fraction(input_tokens * dearest + output_tokens * price.output_nano_usd_per_million, 10**6)
    exact *= Fraction(ours * models_own, 10**12)
    assert Fraction(-1, 2) < held - exact <= Fraction(1, 2)


@given(chains, bounds, multipliers, terms, st.integers(0, 5_000), st.integers(0, 5_000))
def test_a_longer_answer_never_costs_less(
    chain: list[Candidate], bound: Bound, multiplier: int, on: Terms, some: int, more: int
) -> None:
    short, long = (quote(chain, bound, n, caller(multiplier), on) for n in (some, some + more))
    assert short.nano_usd <= long.nano_usd and short.tokens <= long.tokens


@given(chains, bounds, multipliers, terms, st.integers(0, 10**10), st.integers(0, 30_000))
def test_the_longest_answer_that_fits_is_found(
    chain: list[Candidate], bound: Bound, multiplier: int, on: Terms, usd: int, tokens: int
) -> None:
    free, who = Free(usd, tokens), caller(multiplier)
    fitting = largest_fitting(chain, bound, who, on, free)
    if fitting is None:
        assert not free.fits(quote(chain, bound, 0, who, on))
        return
    assert free.fits(fitting) and fitting.output_tokens <= longest(chain, bound)
    following = fitting.output_tokens + 1
    assert following > longest(chain, bound) or not free.fits(quote(chain, bound, following, who, on))


@given(chains, bounds, terms)
def test_without_any_limit_the_whole_answer_fits(chain: list[Candidate], bound: Bound, on: Terms) -> None:
    fitting = largest_fitting(chain, bound, caller(), on, Free())
    assert fitting is not None and fitting.output_tokens == longest(chain, bound)


def test_the_dearest_model_of_the_chain_decides() -> None:
    chain = [model(Price(1_000_000, 1_000_000)), model(Price(3_000_000, 0)), model(None), candidate(None)]
    assert quote(chain, Bound(10, None), 10, caller(), FREELY) == Quote(30, 20, 10)


def test_a_long_context_is_held_at_its_own_price() -> None:
    dear = LongContext(100, Price(5_000_000, 0))
    chain = [model(Price(1_000_000, 0), long_context=dear)]
    assert quote(chain, Bound(100, None), 0, caller(), FREELY).nano_usd == 100
    assert quote(chain, Bound(101, None), 0, caller(), FREELY).nano_usd == 505


@pytest.mark.parametrize("price", [Price(1_000_000, 0, 4_000_000), Price(1_000_000, 0, 2_000_000, 4_000_000)])
def test_input_is_held_at_its_dearest_kind(price: Price) -> None:
    assert quote([model(price)], Bound(10, None), 0, caller(), FREELY).nano_usd == 40


def test_copies_and_overage_are_held() -> None:
    on = Terms(overage_nano_usd_per_million=1_000_000)
    assert quote([model(Price(0, 1_000_000))], Bound(10, 5, 3), 5, caller(), on) == Quote(15 + 25, 25, 5)


def test_how_long_an_answer_can_get() -> None:
    free = Price(0, 0)
    chain = [model(free, max_output_tokens=8), model(free, max_output_tokens=9)]
    assert longest(chain, Bound(1, None)) == 9
    assert longest(chain, Bound(1, 100)) == 100
    assert longest([model(free, context_tokens=50)], Bound(1, None)) == 50
    assert longest([model(free), candidate(None)], Bound(1, None)) == UNLIMITED_OUTPUT


def test_a_crash_charges_plain_input_at_both_factors() -> None:
    price = Price(2_000_000, 9_000_000, 1_000_000, 5_000_000)
    assert input_nano_usd(model(price, multiplier_ppm=1_500_000), 10, caller(2_000_000)) == 60
    assert input_nano_usd(model(None), 10, caller()) == input_nano_usd(candidate(None), 10, caller()) == 0


def test_the_snapshot_has_what_the_hold_was_computed_with() -> None:
    chain = [model(Price(1, 2, None, 4), multiplier_ppm=7), candidate(None)]
    assert price_snapshot(chain, caller(9)) == {"up/m": [1, 2, None, 4, 9, 7]}


def test_nothing_is_held_where_nothing_counts() -> None:
    assert terms_of(caller(), target()) is FREELY and not FREELY.holds
    for operation in ("models", "count_tokens"):
        assert terms_of(caller(prepaid=True, budgets=(budget("key", "day"),)), target(operation)) is FREELY


def test_budgets_of_caller_and_target_come_together_by_period() -> None:
    mine = budget("account", "month"), budget("key", "day"), budget("key", "request")
    on = terms_of(
        caller(budgets=mine), target("chat", budget("endpoint", "day"), budget("endpoint", "month"))
    )
    assert [each.id for each in on.periods] == ["account-month", "endpoint-month", "key-day"]
    assert [each.id for each in on.per_request] == ["key-request"]
    assert on.holds and not on.prepaid and on.needs_price


def test_a_cap_per_call_alone_holds_nothing() -> None:
    on = terms_of(caller(budgets=(budget("key", "request"),)), target())
    assert not on.holds and on != FREELY


@pytest.mark.parametrize(
    ("on", "needs"),
    [
        (Terms(prepaid=True), True),
        (Terms(periods=(budget("key", "day", 5),)), True),
        (Terms(periods=(budget("key", "day", 5, hard=False),)), False),
        (Terms(periods=(budget("key", "day", None, 5),)), False),
        (Terms(per_request=(budget("key", "request", 5),)), True),
        (FREELY, False),
    ],
)
def test_a_price_is_needed_where_dollars_must_hold(on: Terms, needs: bool) -> None:
    assert on.needs_price is needs


@pytest.mark.parametrize(("hard_cap", "price", "overage"), [(False, 40, 40), (True, 40, 0), (False, None, 0)])
def test_overage_is_asked_for_where_the_plan_lets_calls_go_on(
    hard_cap: bool, price: int | None, overage: int
) -> None:
    plan = PlanFacts("team", "Team", NO_LIMITS, 10, price, hard_cap, None)
    assert terms_of(caller(plan=plan, prepaid=True), target()).overage_nano_usd_per_million == overage


def test_caps_per_call_allow_the_least_of_each() -> None:
    soft = budget("project", "request", 1, 1, hard=False)
    on = Terms(per_request=(budget("key", "request", 9, 70), budget("account", "request", 8), soft))
    assert cap_per_request(on) == Free(8, 70)
    assert cap_per_request(FREELY) == Free(NOBODY, NOBODY)
