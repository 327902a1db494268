"""A stretch of time on a workspace's clock, cut into hours, days or weeks. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RANGES = {"24h": 1, "7d": 7, "30d": 30, "90d": 90}  # days
MOST_DAYS = 400
HOURLY_DAYS, DAILY_DAYS = 2, 100  # longer ones are cut into days, then into weeks


@dataclass(frozen=True, slots=True)
class Timespan:
    """What is shown: its parts begin at `starts` (UTC, full hours), the last one ends at `ends_at`.

    `before` is the stretch to compare with: as long, and as far into its day.
    """

    starts: tuple[datetime, ...]
    ends_at: datetime
    unit: str  # hour | day | week
    before: tuple[datetime, datetime]
    timezone: str

    @property
    def starts_at(self) -> datetime:
        """The first moment."""
        return self.starts[0]

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day, on the workspace's clock."""
        zone = ZoneInfo(self.timezone)
        last = (self.ends_at - HOUR).astimezone(zone)
        return self.starts_at.astimezone(zone).date(), last.date()


def last_hours(now: datetime, timezone: str) -> Timespan:
    """Return the last 24 clock hours up to the running one."""
    ends_at = after(now)
    starts = tuple(ends_at - HOUR * ago for ago in range(24, 0, -1))
    return Timespan(starts, ends_at, "hour", (starts[0] - 24 * HOUR, starts[0]), timezone)


def last_days(days: int, now: datetime, timezone: str) -> Timespan:
    """Return the last days up to today."""
    today = now.astimezone(ZoneInfo(timezone)).date()
    return between(today - DAY * (days - 1), today, now, timezone)


def between(first: date, last: date, now: datetime, timezone: str) -> Timespan:
    """Return the days from first to last, both whole, at most 400 and none after today."""
    today = now.astimezone(ZoneInfo(timezone)).date()
    first, last = sorted((min(first, today), min(last, today)))
    first = max(first, last - DAY * (MOST_DAYS - 1))
    days = (last - first).days + 1
    ends_at = min(midnight(last + DAY, timezone), after(now))
    unit = "hour" if days <= HOURLY_DAYS else "day" if days <= DAILY_DAYS else "week"
    begin = midnight(first, timezone)
    starts = hours(begin, ends_at) if unit == "hour" else dates(first, last, unit, timezone)
    before = midnight(first - DAY * days, timezone)
    return Timespan(tuple(starts), ends_at, unit, (before, min(begin, before + (ends_at - begin))), timezone)


def midnight(day: date, timezone: str) -> datetime:
    """Return the first full hour (UTC) of a day: half an hour late where clocks stand so."""
    begin = datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC)
    return begin if begin.minute == 0 else after(begin)


def after(moment: datetime) -> datetime:
    """Return the end of the running hour (UTC)."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + HOUR


def hours(begin: datetime, ends_at: datetime) -> Iterable[datetime]:
    """Return each hour of a stretch: 23 or 25 on the day on which clocks change."""
    return (begin + HOUR * number for number in range(max(1, (ends_at - begin) // HOUR)))


def dates(first: date, last: date, unit: str, timezone: str) -> Iterable[datetime]:
    """Return the start of each day, or of each week: of the first and of every Monday."""
    days = [first + DAY * number for number in range((last - first).days + 1)]
    return (midnight(day, timezone) for day in days if unit == "day" or day == first or day.weekday() == 0)
