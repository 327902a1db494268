"""How a provider and its models do right now, and how programs are told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.circuit_words import ERRORS
from app.domain.performance import WINDOW_MINUTES, Stats


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One model's last five minutes; `minutes`: the same by minute, oldest first."""

    model_id: str
    stats: Stats
    minutes: tuple[Stats, ...]


@dataclass(frozen=True, slots=True)
class ProviderReport:
    """One provider now. `state`: ready | paused | off | no_key | degraded | down.

    `circuit`: closed | open | half_open; `keys_down`: the names of keys that are left alone.
    """

    id: str
    slug: str
    name: str
    state: str
    circuit: str
    failures: int
    error: str
    next_probe_at: datetime | None
    stats: Stats
    minutes: tuple[Stats, ...]
    models: tuple[ModelReport, ...]
    keys_down: tuple[str, ...] = ()


def health(reports: Iterable[ProviderReport]) -> dict[str, Any]:
    """Return the body of GET /v1/health/providers."""
    return {"object": "list", "window_seconds": 60 * WINDOW_MINUTES, "data": [provider(r) for r in reports]}


def provider(report: ProviderReport) -> dict[str, Any]:
    """Return what is told of one provider."""
    stats, at = report.stats, report.next_probe_at
    return {
        "id": report.slug,
        "object": "provider",
        "name": report.name,
        "state": report.state,
        "circuit": report.circuit,
        "failures_in_a_row": report.failures,
        "next_probe_at": at.isoformat(timespec="seconds") if at else None,
        "last_error": ERRORS.get(report.error) if report.error else None,
        "success_share": round(1 - stats.error_share, 4) if stats.samples else None,
        "samples": stats.samples,
    }


def performance(reports: Iterable[ProviderReport]) -> dict[str, Any]:
    """Return the body of GET /api/v1/performance."""
    data = [
        {
            "provider": report.slug,
            **numbers(report.stats),
            "models": [{"model": model.model_id, **numbers(model.stats)} for model in report.models],
        }
        for report in reports
    ]
    return {"object": "list", "window_seconds": 60 * WINDOW_MINUTES, "data": data}


def numbers(stats: Stats) -> dict[str, Any]:
    """Return five minutes in numbers; None where too little is known."""
    return {
        "samples": stats.samples,
        "error_share": round(stats.error_share, 4) if stats.samples else None,
        "latency_ms": {
            "p50": rounded(stats.latency_p50_ms),
            "p75": rounded(stats.latency_p75_ms),
            "p95": rounded(stats.latency_p95_ms),
        },
        "first_token_ms": {"p50": rounded(stats.first_token_p50_ms)},
        "tokens_per_second": {"p50": rounded(stats.tokens_per_second_p50)},
    }


def rounded(number: float | None) -> float | None:
    """Return a number with as many digits as it is worth."""
    return None if number is None else round(number, 1)
