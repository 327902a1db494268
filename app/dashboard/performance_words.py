"""How a provider does, in words: its state, why it is left alone, and five minutes in numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from flask_babel import gettext as _
from flask_babel import ngettext

from app.dashboard.receipt_words import milliseconds
from app.domain.performance import Stats
from app.domain.provider_reports import ProviderReport

WORST_FIRST = ("down", "degraded")
TONES = {"ready": "ok", "degraded": "warn", "down": "error", "paused": "paused", "no_key": "pending"}


def tone(report: ProviderReport) -> str:
    """Return the state of the dot beside a provider."""
    return "demo" if report.slug == "demo" and report.state == "ready" else TONES.get(report.state, "off")


def state(report: ProviderReport) -> str:
    """Return a provider's state in a word or two."""
    words = {
        "ready": _("Works") if report.stats.samples else _("Ready"),
        "degraded": _("Has trouble"),
        "down": _("Left alone"),
        "paused": _("Paused"),
        "no_key": _("Needs a key"),
    }
    return str(words.get(report.state, _("Switched off")))


def why(report: ProviderReport) -> str:
    """Say why a provider is left alone and when it is tried again; empty when it is not."""
    if report.circuit == "closed":
        return ""
    return f"{reason(report)} {next_try(report)}"


def reason(report: ProviderReport) -> str:
    """Say what a provider did to be left alone."""
    if report.error == "outlier":
        return str(_("It failed far more often than the others."))
    times = ngettext("It failed %(num)d time in a row", "It failed %(num)d times in a row", report.failures)
    timed_out, failed = (
        _("the last time it did not answer in time"),
        _("the last time it answered with an error"),
    )
    how = {"timed_out": timed_out, "failed": failed}
    return f"{times}; {how[report.error]}." if report.error in how else f"{times}."


def next_try(report: ProviderReport) -> str:
    """Say when a provider is tried again."""
    if report.circuit == "half_open" or report.next_probe_at is None:
        return str(_("The next call tries it."))
    seconds = math.ceil((report.next_probe_at - datetime.now(UTC)).total_seconds())
    return str(_("The next try is in %(seconds)s s; until then calls go to others.", seconds=max(1, seconds)))


def keys_down(report: ProviderReport) -> str:
    """Name the keys that are left alone, while the provider is not."""
    if not report.keys_down or report.circuit != "closed":
        return ""
    names = ", ".join(f"“{name}”" for name in report.keys_down)
    return str(_("Left alone after failures of its own: %(names)s.", names=names))


def duration(value: float | None) -> str:
    """Write milliseconds as people do."""
    if value is not None and value < 1:
        return str(_("under 1 ms"))
    return milliseconds(None if value is None else round(value))


def speed(value: float | None) -> str:
    """Write tokens per second."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def share(stats: Stats) -> str:
    """Write which part failed."""
    if not stats.samples:
        return "–"
    part = 100 * stats.error_share
    return f"{part:.0f} %" if part == round(part) or part >= 10 else f"{part:.1f} %"


def failures(stats: Stats) -> str:
    """Say how often it failed, and how often it asked us to slow down."""
    told = []
    if stats.failures:
        told.append(ngettext("%(num)d failed", "%(num)d failed", stats.failures))
    if stats.limited:
        told.append(ngettext("%(num)d over its rate limit", "%(num)d over its rate limit", stats.limited))
    return ", ".join(told)


def lengths(minutes: Sequence[Stats]) -> list[float]:
    """Return how long three of four answers took at most, by minute."""
    return [minute.latency_p75_ms or 0.0 for minute in minutes]


def busy(reports: Sequence[ProviderReport]) -> list[ProviderReport]:
    """Return those of whom there is more to tell than their state, the worst first."""
    found = [report for report in reports if report.stats.samples or report.circuit != "closed"]
    return sorted(
        found, key=lambda report: WORST_FIRST.index(report.state) if is_bad(report) else len(WORST_FIRST)
    )


def is_bad(report: ProviderReport) -> bool:
    """Say whether a provider needs a look."""
    return report.state in WORST_FIRST
