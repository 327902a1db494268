"""The order: the cheapest that is good enough, what a policy asks for, and who stands in."""

from __future__ import annotations

from itertools import permutations

import pytest

from app.domain.decisions import Classification
from app.domain.performance import Stats
from app.domain.routing.costs import Estimate
from app.domain.routing.rank import chain_of, floor_of, rank
from app.domain.wishes import NO_WISHES, Wishes
from tests.domain.routing.shop import LARGE, MIDDLE, SHOP, SMALL, TINY, candidate

ESTIMATE = Estimate(1_000, 500)


def names(*candidates: object) -> list[str]:
    return [each.model_id for each in candidates]  # type: ignore[attr-defined]


def stats(latency: float, first: float, speed: float, samples: int = 3) -> Stats:
    return Stats(
        samples=samples, latency_p75_ms=latency, first_token_p50_ms=first, tokens_per_second_p50=speed
    )


def test_the_cheapest_that_is_good_enough_comes_first_and_the_others_by_price() -> None:
    ranking = rank(SHOP, ESTIMATE, 60, NO_WISHES)
    assert ranking.order == (SMALL, MIDDLE, LARGE, TINY)
    assert ranking.eligible == (SMALL, MIDDLE, LARGE)


def test_the_order_does_not_depend_on_the_order_of_the_models() -> None:
    twin = candidate("four/small", "0.2/0.8", 60)
    orders = {rank(shop, ESTIMATE, 50, NO_WISHES).order for shop in permutations((SMALL, TINY, LARGE, twin))}
    assert orders == {(twin, SMALL, LARGE, TINY)}


def test_where_nobody_is_good_enough_the_best_comes_first() -> None:
    ranking = rank((TINY, SMALL), ESTIMATE, 90, NO_WISHES)
    assert ranking.order == (SMALL, TINY) and ranking.eligible == (SMALL,)


def test_an_unknown_price_comes_last_and_a_free_model_first() -> None:
    free, unknown = candidate("a/free", "0/0"), candidate("a/unknown", None)
    assert rank((unknown, SMALL, free), ESTIMATE, 50, NO_WISHES).order == (free, SMALL, unknown)


def test_the_estimate_takes_the_price_of_long_inputs_and_both_multipliers() -> None:
    twice = candidate("a/twice", "1/4", multiplier_ppm=2_000_000)
    assert Estimate(1_000, 500, 1_500_000).nano_usd(twice) == 9 * 10**6


@pytest.mark.parametrize(
    ("policy", "order"),
    [
        ("lowest_cost", [SMALL, MIDDLE, LARGE]),
        ("quality", [LARGE, MIDDLE, SMALL]),
        ("lowest_latency", [LARGE, SMALL, MIDDLE]),
        ("highest_throughput", [MIDDLE, LARGE, SMALL]),
    ],
)
def test_a_policy_sets_the_order(policy: str, order: list[object]) -> None:
    measured = {
        "one/small": stats(2_000, 300, 20),
        "two/middle": stats(2_000, 900, 80),
        "three/large": stats(2_000, 100, 40),
    }
    found = rank((SMALL, MIDDLE, LARGE), ESTIMATE, 0, Wishes(policy=policy), measured).order
    assert names(*found) == names(*order)


def test_a_model_that_was_hardly_measured_counts_as_an_average_one() -> None:
    measured = {
        "one/small": stats(1, 100, 1),
        "two/middle": stats(1, 900, 1),
        "three/large": stats(1, 9_000, 1, samples=2),
    }
    found = rank((SMALL, MIDDLE, LARGE), ESTIMATE, 0, Wishes(policy="lowest_latency"), measured).order
    assert found == (SMALL, LARGE, MIDDLE)


@pytest.mark.parametrize(
    ("wishes", "samples", "first"),
    [
        (Wishes(preferred_max_latency_ms=1_000), 3, MIDDLE),
        (Wishes(preferred_max_latency_ms=1_000), 2, SMALL),
        (Wishes(preferred_max_latency_ms=5_000), 3, SMALL),
        (Wishes(preferred_min_throughput=50), 3, MIDDLE),
        (Wishes(preferred_min_throughput=10), 3, SMALL),
    ],
)
def test_a_slow_model_goes_behind_the_others_but_is_not_excluded(
    wishes: Wishes, samples: int, first: object
) -> None:
    measured = {"one/small": stats(2_000, 300, 20, samples)}
    ranking = rank((SMALL, MIDDLE), ESTIMATE, 50, wishes, measured)
    assert ranking.order[0] is first and len(ranking.order) == 2


@pytest.mark.parametrize(
    ("kind", "set_by_hand", "floor"),
    [
        (Classification("chat", "simple", 60), (None, None), 46),
        (Classification("code", "moderate", 60), (None, None), 74),
        (Classification("reasoning", "complex", 60), (None, None), 88),
        (Classification("reasoning", "complex", 60), (20, None), 20),
        (Classification("chat", "simple", 60), (70, 80), 80),
    ],
)
def test_the_floor_goes_by_the_kind_of_request_until_somebody_sets_it(
    kind: Classification, set_by_hand: tuple[int | None, ...], floor: int
) -> None:
    assert floor_of(kind, *set_by_hand) == floor


def test_who_stands_in_is_at_another_provider_first_and_good_enough_before_anything() -> None:
    same = candidate("one/other", "0.3/0.9", 70)
    ranking = rank((SMALL, same, LARGE, MIDDLE, TINY), ESTIMATE, 60, NO_WISHES)
    assert names(*chain_of(ranking)) == ["one/small", "two/middle", "three/large", "one/other"]
    ranking = rank((SMALL, same, candidate("two/bad", "0.1/0.1", 10)), ESTIMATE, 60, NO_WISHES)
    assert names(*chain_of(ranking)) == ["one/small", "one/other", "two/bad"]
    assert chain_of(rank((), ESTIMATE, 60, NO_WISHES)) == ()
