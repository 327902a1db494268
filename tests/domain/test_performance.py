"""Percentiles from counts, and what a call tells of the models that it asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.domain.histograms import bucket_of, percentile
from app.domain.performance import added, stats_of


def histogram(values: list[float]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for value in values:
        counts[bucket_of(value)] = counts.get(bucket_of(value), 0) + 1
    return counts


@given(st.lists(st.floats(0.1, 1e6), min_size=1, max_size=60), st.sampled_from([0.5, 0.75, 0.95]))
def test_a_percentile_is_off_by_a_twentieth_at_most(values: list[float], share: float) -> None:
    exact = sorted(values)[max(0, -(-len(values) * int(100 * share) // 100) - 1)]
    found = percentile(histogram(values), share)
    assert found is not None and abs(found / exact - 1) < 0.051


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile({}, 0.5) is None and stats_of({}).samples == 0


def test_counts_of_two_workers_add_up() -> None:
    one = {"answered": 2, f"L{bucket_of(100)}": 2, "failed": 1}
    other = {"answered": 1, f"L{bucket_of(900)}": 1, "limited": 1, f"S{bucket_of(50)}": 1}
    stats = stats_of(added((one, other)))
    assert (stats.samples, stats.failures, stats.limited, stats.error_share) == (5, 1, 1, 0.4)
    assert stats.latency_p50_ms and stats.latency_p95_ms and stats.tokens_per_second_p50
    assert 95 < stats.latency_p50_ms < 105 and 850 < stats.latency_p95_ms < 950
    assert stats.first_token_p50_ms is None
