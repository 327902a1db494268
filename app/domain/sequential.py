"""A test that may be looked at after every call: is the new arm of a rollout worse than the old one?

Each arm has a confidence sequence: intervals that hold at all times at once with the probability stated, so
stopping whenever one likes adds no error (Ville's inequality for the beta-binomial mixture, Robbins 1970).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from app.domain.arm_counts import Counts
from app.domain.histograms import GROWTH, percentile
from app.domain.pricing import format_usd
from app.domain.rollout_plans import RolloutPlan

WORSE, NOT_WORSE, TOO_FEW = "worse", "not_worse", "too_few"
ALPHA = 0.01  # the chance that a version that is no worse is ever taken back, in a whole rollout
SHARES = {"errors": "most_more_errors_points", "guardrails": "most_more_guardrails_points"}
QUANTILES = {  # of which histogram, which part of the calls, which bound
    "latency_p50": ("latency", 0.5, "most_slower_percent"),
    "latency_p90": ("latency", 0.9, "most_slower_percent"),
    "cost_p50": ("cost", 0.5, "most_dearer_percent"),
    "cost_p90": ("cost", 0.9, "most_dearer_percent"),
}
INTERVALS = 2 * (len(SHARES) + len(QUANTILES))  # each arm has one of each
FOUND_WITHIN = {  # calls of the new arm, at a share of 10 %, in every simulated rollout; the manual says so
    "fails_always": 20,
    "fails_in_five": 200,
    "three_times_slower": 50,
    "three_times_dearer": 80,
}
PRIOR = 0.5  # of the mixture: narrow where shares are near 0 or 1
STEPS = 40  # of bisection: to 1e-12


@dataclass(frozen=True, slots=True)
class Estimate:
    """What was measured of one arm, and between what it lies. `high` None: no bound yet."""

    value: float | None
    low: float
    high: float | None
    calls: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of both arms. Shares are from 0 to 1, times in milliseconds, costs in nano-dollars.

    `bound`: by how many points (shares) or per cent (quantiles) the new arm may be worse.
    """

    metric: str
    old: Estimate
    new: Estimate
    bound: int
    verdict: str


def judge(old: Counts, new: Counts, plan: RolloutPlan, changes: int = 0) -> tuple[Comparison, ...]:
    """Compare both arms by every metric. `changes`: how often the share was changed before.

    The chance of error is split over the shares that a rollout has (ALPHA/2, /6, /12, …: together ALPHA), the
    metrics and the arms.
    """
    level = ALPHA / ((changes + 1) * (changes + 2)) / INTERVALS
    shares = (compare_shares(name, old, new, plan, level) for name in SHARES)
    return (*shares, *(compare_quantiles(name, old, new, plan, level) for name in QUANTILES))


def compare_shares(name: str, old: Counts, new: Counts, plan: RolloutPlan, level: float) -> Comparison:
    """Compare how many of the calls failed, or hit a guardrail."""
    before, after = (share_of(getattr(arm, name), arm.calls, level) for arm in (old, new))
    bound = getattr(plan, SHARES[name])
    is_worse = before.high is not None and after.low > before.high + bound / 100
    return Comparison(name, before, after, bound, verdict(before, after, plan, is_worse))


def compare_quantiles(name: str, old: Counts, new: Counts, plan: RolloutPlan, level: float) -> Comparison:
    """Compare how long calls take, or what they cost: the middle one, and the slow or dear ones."""
    measure, part, bound_name = QUANTILES[name]
    before, after = (quantile_of(getattr(counts, measure), part, level) for counts in (old, new))
    bound = getattr(plan, bound_name)
    is_worse = before.high is not None and after.low > before.high * (100 + bound) / 100
    return Comparison(name, before, after, bound, verdict(before, after, plan, is_worse))


def verdict(before: Estimate, after: Estimate, plan: RolloutPlan, is_worse: bool) -> str:
    """Say what a comparison comes to; too few calls decide nothing."""
    if min(before.calls, after.calls) < plan.least_calls:
        return TOO_FEW
    return WORSE if is_worse else NOT_WORSE


def share_of(hits: int, calls: int, level: float) -> Estimate:
    """Return a share with its interval."""
    if not calls:
        return Estimate(None, 0.0, None, 0)
    low, high = interval(hits, calls, level)
    return Estimate(hits / calls, low, high, calls)


def quantile_of(counts: Mapping[int, int], part: float, level: float) -> Estimate:
    """Return a quantile with its interval, from the edges of the histogram's buckets.

    The quantile is not below an edge when too few lie below that edge for it to be, and not above one when
    too many do. Each bound fails only where the interval of one share fails, that at the quantile itself: so
    the chance of error need not be split over the edges.
    """
    total = sum(counts.values())
    low, high, below = 0.0, None, 0
    for bucket in sorted(counts):
        if below < part * total and is_outside(part, below, total, level):
            low = GROWTH**bucket
        below += counts[bucket]
        if below > part * total and is_outside(part, below, total, level):
            high = GROWTH ** (bucket + 1)
            break
    return Estimate(percentile(counts, part), low, high, total)


@lru_cache(maxsize=20_000)
def interval(hits: int, calls: int, level: float) -> tuple[float, float]:
    """Return between what a share lies: all p that the mixture does not exclude."""
    middle = hits / calls
    low = 0.0 if hits == 0 else edge(0.0, middle, hits, calls, level)
    high = 1.0 if hits == calls else edge(1.0, middle, hits, calls, level)
    return low, high


def edge(outside: float, inside: float, hits: int, calls: int, level: float) -> float:
    """Return where p begins to be excluded, by bisection; on the outer side of it."""
    for _ in range(STEPS):
        middle = (outside + inside) / 2
        if is_outside(middle, hits, calls, level):
            outside = middle
        else:
            inside = middle
    return outside


def is_outside(p: float, hits: int, calls: int, level: float) -> bool:
    """Say whether so many hits exclude a share of p: B(a+s, b+f) / (B(a, b) p^s (1-p)^f) >= 1/level."""
    misses = calls - hits
    likelihood = (hits * math.log(p) if hits else 0.0) + (misses * math.log1p(-p) if misses else 0.0)
    return log_mixture(hits, misses) - likelihood >= -math.log(level)


@lru_cache(maxsize=20_000)
def log_mixture(hits: int, misses: int) -> float:
    """Return log B(a+s, b+f) - log B(a, b)."""
    return log_beta(PRIOR + hits, PRIOR + misses) - log_beta(PRIOR, PRIOR)


def log_beta(a: float, b: float) -> float:
    """Return the logarithm of the beta function."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def told(metric: str, value: float | None) -> str:
    """Return a measured number as people read it."""
    if value is None:
        return "–"
    if metric in SHARES:
        return f"{100 * value:.1f} %"
    if metric.startswith("latency"):
        return f"{value:,.0f} ms" if value < 1_000 else f"{value / 1_000:,.2f} s"
    return format_usd(round(value))
