"""What the page of usage is asked for: read from the URL, and written into links again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from app.domain import timespans
from app.domain.timespans import Timespan
from app.domain.usage_sums import MEASURES
from app.services.usage_reports import GROUPS

CUSTOM = "custom"
SHOWN = ("spend", "calls", "tokens")


@dataclass(frozen=True, slots=True)
class Asked:
    """The stretch of time and how to look at it."""

    span: Timespan
    range: str  # 24h | 7d | 30d | 90d | custom
    group: str
    measure: str
    order: str

    def link(self, **changes: str) -> dict[str, Any]:
        """Return the arguments of a link to this view, with changes."""
        fields = {"range": self.range, "by": self.group, "show": self.measure, "sort": self.order, **changes}
        if fields["range"] == CUSTOM:
            first, last = self.span.days
            fields |= {"from": first.isoformat(), "to": last.isoformat()}
        return fields


def read(args: MultiDict[str, str], timezone: str) -> Asked:
    """Read the URL; what makes no sense is as if it were not there."""
    chosen = one_of(args.get("range"), (*timespans.RANGES, CUSTOM), "7d")
    measure = one_of(args.get("show"), SHOWN, "spend")
    return Asked(
        span=span_of(args, chosen, timezone),
        range=chosen,
        group=one_of(args.get("by"), tuple(GROUPS), "model"),
        measure=measure,
        order=one_of(args.get("sort"), tuple(MEASURES), measure),
    )


def one_of(value: str | None, known: tuple[str, ...], otherwise: str) -> str:
    """Return the value where it is known."""
    return value if value in known else otherwise


def span_of(args: MultiDict[str, str], chosen: str, timezone: str) -> Timespan:
    """Return the stretch of time; days that are missing or unreadable are those of the last week."""
    now = datetime.now(UTC)
    if chosen == "24h":
        return timespans.last_hours(now, timezone)
    if chosen != CUSTOM:
        return timespans.last_days(timespans.RANGES[chosen], now, timezone)
    week = timespans.last_days(7, now, timezone).days
    first, last = (day(args.get(name, "")) for name in ("from", "to"))
    return timespans.between(first or last or week[0], last or week[1], now, timezone)


def day(text: str) -> date | None:
    """Read what a date field sends."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
