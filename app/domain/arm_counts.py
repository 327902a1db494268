"""What is counted of each arm of a rollout: calls, errors, guardrail hits, how long and how dear they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.histograms import bucket_of
from app.domain.rollouts import ARMS, FULL, OLD, SHADOW

SUMS = ("calls", "errors", "guardrails", "cost_nano_usd", "input_tokens", "output_tokens")
HISTOGRAMS = ("latency", "cost")  # in milliseconds and nano-dollars
ALONE = "alone"  # calls of the old version that the new one, in shadow, is never asked
TIMED = ("succeeded", "client_left")  # who leaves has waited too long: a version that hangs must look slow
MEASURES = (*SUMS, *HISTOGRAMS)
FAILED = ("failed", "cut", "aborted", "crashed")
GUARDED = (  # codes of errors
    "guardrail_blocked",
    "policy_blocked",
    "output_schema_invalid",
    "address_not_allowed",
    "outside_hours",
)
BY_VERSION = frozenset(  # codes of refusals that a version may cause; others say nothing of it
    {
        "no_models_available", "cost_guardrail_exceeded", "unknown_model_pricing", "plugin_not_available",
        "input_schema_invalid", "model_not_found", "not_found",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of one arm."""

    calls: int = 0
    errors: int = 0
    guardrails: int = 0
    cost_nano_usd: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    latency: Mapping[int, int] = field(default_factory=dict)
    cost: Mapping[int, int] = field(default_factory=dict)

    def since(self, base: Counts) -> Counts:
        """Return what was counted after `base`."""
        values: dict[str, Any] = {name: getattr(self, name) - getattr(base, name) for name in SUMS}
        values |= {name: less(getattr(self, name), getattr(base, name)) for name in HISTOGRAMS}
        return Counts(**values)

    def plus(self, other: Counts) -> Counts:
        """Return both together."""
        values: dict[str, Any] = {name: getattr(self, name) + getattr(other, name) for name in SUMS}
        values |= {name: together(getattr(self, name), getattr(other, name)) for name in HISTOGRAMS}
        return Counts(**values)

    def as_dict(self) -> dict[str, Any]:
        """Return it for a JSON column."""
        found: dict[str, Any] = {name: getattr(self, name) for name in SUMS}
        return found | {
            name: {str(bucket): amount for bucket, amount in getattr(self, name).items()}
            for name in HISTOGRAMS
        }


Arms = Mapping[str, Counts]


def less(counts: Mapping[int, int], base: Mapping[int, int]) -> dict[int, int]:
    """Return a histogram without what was in it before."""
    left = {bucket: amount - base.get(bucket, 0) for bucket, amount in counts.items()}
    return {bucket: amount for bucket, amount in left.items() if amount > 0}


def together(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    """Return a histogram of both."""
    return {bucket: one.get(bucket, 0) + other.get(bucket, 0) for bucket in one.keys() | other.keys()}


def from_dict(raw: Mapping[str, Any]) -> Counts:
    """Return what `as_dict` wrote."""
    values: dict[str, Any] = {name: int(raw.get(name, 0)) for name in SUMS}
    for name in HISTOGRAMS:
        values[name] = {int(bucket): int(amount) for bucket, amount in raw.get(name, {}).items()}
    return Counts(**values)


def from_rows(rows: Iterable[tuple[str, str, int, int]]) -> dict[str, Counts]:
    """Return every arm's counts from rows of arm, measure, bucket and amount."""
    found: dict[str, dict[str, Any]] = {arm: {name: {} for name in HISTOGRAMS} for arm in (*ARMS, ALONE)}
    for arm, measure, bucket, amount in rows:
        if measure in HISTOGRAMS:
            found[arm][measure][bucket] = amount
        elif measure in SUMS:
            found[arm][measure] = amount
    return {arm: Counts(**values) for arm, values in found.items()}


def counts_of(row: Mapping[str, Any]) -> dict[tuple[str, int], int]:
    """Return what a record adds to its arm: by measure and bucket.

    Nothing where it says nothing of a version: an answer from the cache or from a call before, and what was
    refused for limits, money or the client's own mistakes.
    """
    outcome, code = row["outcome"], row.get("error_code")
    guarded = outcome == "rejected" or code in GUARDED
    failed = not guarded and (outcome in FAILED or is_own_refusal(row))
    if row.get("cached") or outcome == "replayed" or (outcome == "refused" and not (guarded or failed)):
        return {}
    cost = row.get("compared_nano_usd" if row.get("source") == "shadow" else "cost_nano_usd")
    found = {
        ("calls", 0): 1,
        ("errors", 0): int(failed),
        ("guardrails", 0): int(guarded),
        ("cost_nano_usd", 0): cost or 0,
        ("input_tokens", 0): row.get("input_tokens") or 0,
        ("output_tokens", 0): row.get("output_tokens") or 0,
    }
    took = row.get("duration_ms")  # a client need not report it
    if outcome in TIMED and took is not None:
        found["latency", bucket_of(took)] = 1
    if outcome == "succeeded" and cost is not None:
        found["cost", bucket_of(cost)] = 1
    return {key: amount for key, amount in found.items() if amount}


def is_own_refusal(row: Mapping[str, Any]) -> bool:
    """Say whether a call was refused because of what its version says, or by our own failure."""
    by_version = row.get("error_code") in BY_VERSION or bool(row.get("lacks_variables"))
    return row["outcome"] == "refused" and (by_version or (row.get("status") or 0) >= 500)


def old_side(arms: Arms, state: str) -> Counts:
    """Return the old version's counts; in shadow only of calls of the kind that the new one is asked."""
    return arms[OLD] if state == SHADOW else arms[OLD].plus(arms[ALONE])


def judged(arms: Arms, counted: Mapping[str, Any]) -> dict[str, Counts]:
    """Return what was counted since the share last changed: `counted` is what was before."""
    base = counted.get("arms", {})
    return {arm: counts.since(from_dict(base.get(arm, {}))) for arm, counts in arms.items()}


def moved(arms: Arms, counted: Mapping[str, Any], state: str) -> dict[str, Any]:
    """Return what was counted before a share that begins now, and how often it has changed.

    Only calls of the same time are compared: who gets which arm must not depend on when. Once everybody has
    the new version, it is measured against what the old one did in the step before.
    """
    base = {arm: counts.as_dict() for arm, counts in arms.items()}
    if state == FULL:
        base |= {arm: counted.get("arms", {}).get(arm, {}) for arm in (OLD, ALONE)}
    return {"changes": counted.get("changes", 0) + 1, "arms": base}
