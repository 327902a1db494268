"""The arms of a rollout side by side, as programs are told: what was counted, and how it compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.arm_counts import Counts
from app.domain.errors import InvalidRequest
from app.domain.pricing import nano_to_usd
from app.domain.sequential import SHARES, Comparison, Estimate

SUBJECTS = ("policy", "endpoint", "rollout")


def parse_subject(args: Mapping[str, str]) -> tuple[str, str]:
    """Return what names the rollout, and the name; InvalidRequest unless there is exactly one."""
    unknown = next((name for name in args if name not in SUBJECTS), None)
    named = [(name, args[name]) for name in SUBJECTS if args.get(name)]
    if unknown is not None or len(named) != 1:
        raise InvalidRequest(
            "Name one rollout: policy= with a policy's key, endpoint= with an endpoint's slug,"
            " or rollout= with an id.",
            param=unknown or (named[1][0] if named else "policy"),
        )
    kind, value = named[0]
    if len(value) > 64 or "\x00" in value:
        raise InvalidRequest(f"'{kind}' must be at most 64 characters.", param=kind)
    return kind, value.lower() if kind == "policy" else value


def arm(name: str, version: int, counts: Counts) -> dict[str, Any]:
    """Return what was counted of one arm since the rollout began."""
    return {
        "arm": name,
        "version": version,
        "calls": counts.calls,
        "errors": counts.errors,
        "guardrail_hits": counts.guardrails,
        "input_tokens": counts.input_tokens,
        "output_tokens": counts.output_tokens,
        "spend_usd": nano_to_usd(counts.cost_nano_usd),
    }


def compared(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Return every metric of both arms with its interval, since the share last changed."""
    return [
        {
            "metric": each.metric,
            "unit": unit_of(each.metric),
            "old": estimate(each.metric, each.old),
            "new": estimate(each.metric, each.new),
            "allowed": each.bound,
            "allowed_unit": "points" if each.metric in SHARES else "percent",
            "verdict": each.verdict,
        }
        for each in comparisons
    ]


def unit_of(metric: str) -> str:
    """Return in what a metric is told."""
    return "share" if metric in SHARES else "ms" if metric.startswith("latency") else "usd"


def estimate(metric: str, found: Estimate) -> dict[str, Any]:
    """Return what was measured and between what it lies; null where nothing is known yet."""
    amounts = {"value": found.value, "low": found.low, "high": found.high}
    return {**{name: amount(metric, number) for name, number in amounts.items()}, "calls": found.calls}


def amount(metric: str, number: float | None) -> float | str | None:
    """Return a number of a metric: costs as dollars, times in whole milliseconds, shares from 0 to 1."""
    if number is None:
        return None
    unit = unit_of(metric)
    if unit == "usd":
        return nano_to_usd(round(number))
    return round(number) if unit == "ms" else round(number, 6)
