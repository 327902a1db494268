"""Why a call was answered by whom: what was considered, what dropped out, and what it saves (R20)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Classification:
    """What kind of work a request is, and how that was told. `confidence`: 0 to 100."""

    category: str  # code | reasoning | extraction | summarization | creative | analysis | chat
    complexity: str  # simple | moderate | complex
    confidence: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Considered:
    """One model that could have answered. `score` 0 to 100; `filtered_out_by` names what excluded it."""

    model_id: str
    score: int | None
    estimated_nano_usd: int | None
    reasons: tuple[str, ...] = ()
    filtered_out_by: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A routing decision, as it is kept with the record; the same inputs give the same decision."""

    requested: str
    strategy: str  # auto | lowest_cost | lowest_latency | highest_throughput | pinned | in_order | by_policy
    chain: tuple[str, ...]  # the models to try, in order
    considered: tuple[Considered, ...] = ()
    classification: Classification | None = None
    min_quality: int | None = None
    baseline_model: str | None = None
    baseline_nano_usd: int | None = None  # what the baseline would cost for what was estimated
    fitting: int = 0  # how many models fit, and how many were excluded: `considered` need not list them all
    excluded: int = 0
    sticky: bool = False  # the conversation stayed with the model that answered before

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; faster than `asdict`, for each call of `auto` does this."""
        return {
            **fields_of(self),
            "considered": [fields_of(each) for each in self.considered],
            "classification": fields_of(self.classification) if self.classification else None,
        }


def fields_of(value: Classification | Considered | Decision) -> dict[str, Any]:
    """Return the fields, not what is in them."""
    return {name: getattr(value, name) for name in value.__slots__}
