"""From the raw measurements to the figures of the tables: medians, what is added, ratios, goals."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

DIRECT = "direct"
Results = dict[str, dict[str, list[dict[str, Any]]]]  # by gateway, by scenario, round by round


@dataclass(frozen=True, slots=True)
class Figure:
    """One column: which scenario's value it is, in which unit, and what it shall be."""

    title: str
    scenario: str
    value: str
    scale: float = 1.0
    higher: bool = False  # whether more is better
    added: bool = False  # what the gateway adds to the same call without it
    goal: float | None = None


FIGURES = (
    Figure("calls/s", "rps", "rps", higher=True, goal=4500),
    Figure("CPU µs/call", "rps", "cpu_us_per_req", goal=220),
    Figure("all µs/call", "rps", "cpu_all_us_per_req"),
    Figure("p50+ ms", "lat", "p50_us", 0.001, added=True, goal=1.2),
    Figure("p99+ ms", "lat", "p99_us", 0.001, added=True, goal=3),
    Figure("TTFT+ p50 ms", "ttft", "ttft_p50_us", 0.001, added=True, goal=1.2),
    Figure("TTFT+ p99 ms", "ttft", "ttft_p99_us", 0.001, added=True),
    Figure("burst chunks/s", "burst", "chunks_per_s", higher=True, goal=80_000),
    Figure("paced chunks/s", "paced", "chunks_per_s", higher=True),
    Figure("CPU µs/paced chunk", "paced", "cpu_us_per_chunk", goal=40),
    Figure("KB/open stream", "hold", "kb_per_stream", goal=20),
    Figure("streams open", "hold", "streams", higher=True),
    Figure("MB before streams", "hold", "pss_idle_mb"),
    Figure("hang-up seen ms", "abort", "median_ms"),
    Figure("money: calls/s", "money", "rps", higher=True, goal=1500),
    Figure("money: CPU µs", "money", "cpu_us_per_req", goal=670),
    Figure("guarded: calls/s", "guarded", "rps", higher=True),
    Figure("guarded: CPU µs", "guarded", "cpu_us_per_req"),
    Figure("/v1: calls/s", "v1", "rps", higher=True),
    Figure("/v1: CPU µs", "v1", "cpu_us_per_req"),
    Figure("policy: calls/s", "policy", "rps", higher=True),
    Figure("policy: CPU µs", "policy", "cpu_us_per_req"),
)


def value(figure: Figure, gateway: str, results: Results) -> float | None:
    """Return the median over the rounds, in the figure's unit; None where it was not measured.

    What is added is taken round by round against the direct call of the same round.
    """
    own = results[gateway].get(figure.scenario, [])
    if figure.added:
        if gateway == DIRECT:
            return None
        direct = results.get(DIRECT, {}).get(figure.scenario, [])
        pairs = zip(own, direct, strict=False)
        return median(
            (mine[figure.value] - other[figure.value]) * figure.scale
            for mine, other in pairs
            if figure.value in mine and figure.value in other
        )
    return median(round_[figure.value] * figure.scale for round_ in own if figure.value in round_)


def median(values: Iterable[float]) -> float | None:
    found = list(values)
    return statistics.median(found) if found else None


def ratio(figure: Figure, one: float | None, other: float | None) -> float | None:
    """Return how many times better `one` is than `other`; None where that cannot be said."""
    if one is None or other is None or one <= 0 or other <= 0:
        return None
    return one / other if figure.higher else other / one


def reached(figure: Figure, found: float | None) -> bool | None:
    """Tell whether the goal is reached; None without a goal or a value."""
    if figure.goal is None or found is None:
        return None
    return found >= figure.goal if figure.higher else found <= figure.goal


def faults(results: Results) -> list[str]:
    """Return a line for every measurement in which calls failed."""
    lines = []
    for gateway, scenarios in results.items():
        for scenario, rounds in scenarios.items():
            bad = sum(round_.get(kind, 0) for round_ in rounds for kind in KINDS_OF_FAULTS)
            if bad:
                last = next((r["last_error"] for r in reversed(rounds) if r.get("last_error")), "")
                lines.append(f"{gateway}, {scenario}: {bad} calls failed ({last})")
    return lines


KINDS_OF_FAULTS = ("errors", "non200", "failed", "not_noticed")
