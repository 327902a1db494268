"""How fast and how reliably a model answers: what is counted of each attempt, and what the counts say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.domain.histograms import bucket_of, percentile
from app.domain.holds import FREE_OPERATIONS
from app.domain.records import Record

WINDOW_MINUTES = 5  # the one under way, and those before it
FEW = 3  # with fewer samples nothing is held against a model (R15)
ANSWERED, FAILED, LIMITED = "answered", "failed", "limited"
LATENCY, FIRST_TOKEN, SPEED = "L", "T", "S"  # followed by the number of a bucket
OF_STATUS = {"answered": ANSWERED, "failed": FAILED, "timed_out": FAILED, "limited": LIMITED}
FEWEST_TOKENS = 5  # that say something about the speed

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Stats:
    """The last five minutes of a model or a provider; None where too little is known.

    Latency is from the request to the last byte. `samples` are attempts that were answered or failed.
    """

    samples: int = 0
    failures: int = 0
    limited: int = 0
    latency_p50_ms: float | None = None
    latency_p75_ms: float | None = None
    latency_p95_ms: float | None = None
    first_token_p50_ms: float | None = None
    tokens_per_second_p50: float | None = None

    @property
    def error_share(self) -> float:
        """Return the part of the attempts that brought no answer."""
        return (self.failures + self.limited) / self.samples if self.samples else 0.0

    @property
    def is_known(self) -> bool:
        """Say whether there are enough samples to judge by."""
        return self.samples >= FEW


NOTHING = Stats()


def stats_of(counts: Counts) -> Stats:
    """Return what the counts say."""
    latency, first, speed = (histogram(counts, kind) for kind in (LATENCY, FIRST_TOKEN, SPEED))
    failures, limited = counts.get(FAILED, 0), counts.get(LIMITED, 0)
    return Stats(
        samples=counts.get(ANSWERED, 0) + failures + limited,
        failures=failures,
        limited=limited,
        latency_p50_ms=percentile(latency, 0.5),
        latency_p75_ms=percentile(latency, 0.75),
        latency_p95_ms=percentile(latency, 0.95),
        first_token_p50_ms=percentile(first, 0.5),
        tokens_per_second_p50=percentile(speed, 0.5),
    )


def histogram(counts: Counts, kind: str) -> dict[int, int]:
    """Return one histogram of the counts."""
    return {int(name[1:]): count for name, count in counts.items() if name[0] == kind}


def added(many: Iterable[Counts]) -> dict[str, int]:
    """Return all the counts together."""
    total: dict[str, int] = {}
    for counts in many:
        for name, count in counts.items():
            total[name] = total.get(name, 0) + count
    return total


def observations(record: Record) -> list[tuple[str, tuple[str, ...]]]:
    """Return what a call tells of each model it asked: what to count one more of."""
    target = record.target
    if target is None or target.operation in FREE_OPERATIONS:
        return []
    found = []
    for attempt in record.attempts:
        kind = OF_STATUS.get(attempt.status)
        if kind == ANSWERED:
            found.append((attempt.model_id, answered(record, attempt.milliseconds)))
        elif kind is not None:
            found.append((attempt.model_id, (kind,)))
    return found


def answered(record: Record, first_ms: int) -> tuple[str, ...]:
    """Return what to count of the answer: one that was cut failed, one that nobody awaited has no length."""
    if record.outcome == "cut":
        return (FAILED,)
    told = [ANSWERED]
    if record.streamed:
        told.append(FIRST_TOKEN + str(bucket_of(first_ms)))
    is_first = len(record.attempts) == 1 or [a.status for a in record.attempts].count("answered") == 1
    if record.outcome != "succeeded" or not is_first:
        return tuple(told)
    whole_ms = first_ms + (record.steps.get("stream", 0) // 1000 if record.streamed else 0)
    told.append(LATENCY + str(bucket_of(whole_ms)))
    tokens = record.usage.output_tokens if record.usage else 0
    if tokens >= FEWEST_TOKENS:
        spent_ms = whole_ms - (first_ms if record.streamed else 0)
        told.append(SPEED + str(bucket_of(1000 * tokens / max(1, spent_ms))))
    return tuple(told)
