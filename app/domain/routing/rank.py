"""The order of the models that fit: the cheapest that is good enough, or what the client's policy says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Protocol

from app.domain.decisions import Classification
from app.domain.routing.costs import Estimate
from app.domain.routing.filters import quality_of
from app.domain.targets import Candidate
from app.domain.wishes import Wishes

FLOORS = {"simple": 50, "moderate": 70, "complex": 84}
FLOOR_OF_CATEGORY = {
    "code": 4,
    "reasoning": 4,
    "analysis": 2,
    "extraction": -2,
    "summarization": -2,
    "chat": -4,
}
LEAST_SAMPLES = 3  # fewer say nothing: benefit of the doubt (R15)
MOST_FALLBACKS = 3  # after the winner
DEAREST = 2**62


class Measured(Protocol):
    """What was lately measured of a model. None: not known."""

    @property
    def samples(self) -> int: ...
    @property
    def latency_p75_ms(self) -> float | None: ...
    @property
    def tokens_per_second_p50(self) -> float | None: ...
    @property
    def first_token_p50_ms(self) -> float | None: ...


Measurements = Mapping[str, Measured]


@dataclass(frozen=True, slots=True)
class Ranking:
    """All that fit, best first. The first `clearing` of them are good enough; `costs` are estimated."""

    order: tuple[Candidate, ...]
    clearing: int
    costs: Mapping[str, int | None]
    slow: frozenset[str] = field(default_factory=frozenset)

    @property
    def eligible(self) -> tuple[Candidate, ...]:
        """Return those that may be the first choice."""
        return self.order[: self.clearing] if self.clearing else self.order[:1]


def floor_of(kind: Classification, *set_by_hand: int | None) -> int:
    """Return the quality that is good enough for such a request; what somebody set counts instead."""
    given = [least for least in set_by_hand if least is not None]
    return max(given) if given else FLOORS[kind.complexity] + FLOOR_OF_CATEGORY.get(kind.category, 0)


def rank(
    fitting: Sequence[Candidate],
    estimate: Estimate,
    floor: int,
    wishes: Wishes,
    measured: Measurements | None = None,
) -> Ranking:
    """Return the order. Those below the floor come last, the best of them first; ties go by model id."""
    costs = {candidate.model_id: estimate.nano_usd(candidate) for candidate in fitting}
    seen = known(measured or {})
    slow = frozenset(c.model_id for c in fitting if is_slow(seen.get(c.model_id), wishes))
    by_policy = order_of(wishes.policy, costs, seen)
    good = [c for c in fitting if quality_of(c) >= floor]
    good.sort(key=lambda c: (c.model_id in slow, *by_policy(c)))
    rest = [c for c in fitting if quality_of(c) < floor]
    rest.sort(key=lambda c: (c.model_id in slow, -quality_of(c), *cheapest(c, costs)))
    return Ranking((*good, *rest), len(good), costs, slow)


def known(measured: Measurements) -> Measurements:
    """Return the measurements that say something."""
    return {name: each for name, each in measured.items() if each.samples >= LEAST_SAMPLES}


def is_slow(measured: Measured | None, wishes: Wishes) -> bool:
    """Say whether a model was lately slower than the client prefers (R9); it goes behind the others."""
    if measured is None:
        return False
    most, least = wishes.preferred_max_latency_ms, wishes.preferred_min_throughput
    latency, throughput = measured.latency_p75_ms, measured.tokens_per_second_p50
    too_late = most is not None and latency is not None and latency > most
    return too_late or (least is not None and throughput is not None and throughput < least)


def order_of(
    policy: str, costs: Mapping[str, int | None], measured: Measurements
) -> Callable[[Candidate], tuple[Any, ...]]:
    """Return by what a policy sorts; a model that was not measured counts as an average one."""
    if policy == "quality":
        return lambda c: (-quality_of(c), *cheapest(c, costs))
    if policy == "lowest_latency":
        waits = {
            name: each.first_token_p50_ms
            for name, each in measured.items()
            if each.first_token_p50_ms is not None
        }
        usual = median(waits.values()) if waits else 0
        return lambda c: (waits.get(c.model_id, usual), *cheapest(c, costs))
    if policy == "highest_throughput":
        speeds = {
            name: each.tokens_per_second_p50
            for name, each in measured.items()
            if each.tokens_per_second_p50 is not None
        }
        average = median(speeds.values()) if speeds else 0
        return lambda c: (-speeds.get(c.model_id, average), *cheapest(c, costs))
    return lambda c: cheapest(c, costs)


def cheapest(candidate: Candidate, costs: Mapping[str, int | None]) -> tuple[int, int, str]:
    """Return what sorts the cheapest first: unknown prices last, of equal ones the better model first."""
    cost = costs[candidate.model_id]
    return DEAREST if cost is None else cost, -quality_of(candidate), candidate.model_id


def chain_of(ranking: Ranking, most: int = MOST_FALLBACKS) -> tuple[Candidate, ...]:
    """Return the winner and who stands in for it: those good enough first, and of these other providers.

    Providers fail whole, so that the next model is best asked for elsewhere.
    """
    seen, places = set[str](), list[tuple[bool, bool, int]]()
    for place, candidate in enumerate(ranking.order):
        is_again = candidate.provider_slug in seen
        seen.add(candidate.provider_slug)
        places.append((place >= ranking.clearing, is_again, place))
    return tuple(ranking.order[place] for _, _, place in [*places[:1], *sorted(places[1:])][: most + 1])
