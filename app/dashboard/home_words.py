"""Home in words: comparisons with the day before, hours as the workspace's clock shows them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from app.dashboard import receipt_words
from app.services.usage import Hour, Totals

outcome, status, cost = receipt_words.outcome, receipt_words.status, receipt_words.cost
milliseconds = receipt_words.milliseconds


def compare(now: int, before: int) -> str:
    """Say how a number moved against the 24 hours before."""
    if now == before:
        return str(_("as the day before"))
    if before == 0:
        return str(_("none the day before"))
    share = round(100 * (now - before) / before)
    if share > 999:
        return str(_("%(times)d times the day before", times=round(now / before)))
    return str(_("%(share)+d %% on the day before", share=share))


def error_rate(totals: Totals) -> str:
    """Return the share of calls that failed."""
    share = 100 * totals.errors / totals.calls if totals.calls else 0
    return f"{share:.1f} %" if 0 < share < 10 else f"{share:.0f} %"


def failures(totals: Totals) -> str:
    """Return the share of calls that failed, and how many were refused: no failure, but worth a look."""
    rate = _("%(rate)s of calls", rate=error_rate(totals))
    if not totals.refused:
        return str(rate)
    return str(_("%(failed)s; %(count)s refused", failed=rate, count=f"{totals.refused:,}"))


def bars(hours: tuple[Hour, ...], timezone: str) -> list[tuple[str, list[int]]]:
    """Return each hour's answered, refused and failed calls, labelled by the workspace's clock."""
    zone = ZoneInfo(timezone)
    return [(f"{hour.starts_at.astimezone(zone):%H:%M}", parts(hour.totals)) for hour in hours]


def parts(totals: Totals) -> list[int]:
    """Return how many calls were answered, refused and failed."""
    return [totals.calls - totals.refused - totals.errors, totals.refused, totals.errors]
