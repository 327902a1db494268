"""Questions about what was spent, saved and used: read from a request's query, and answered as JSON."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson

from app.domain import timespans
from app.domain.errors import InvalidRequest
from app.domain.pricing import nano_to_usd
from app.domain.usage_sums import Totals

METRICS = {"spend": "spend", "savings": "savings", "usage": "calls"}  # by what the rows are sorted
TIMES = ("day", "hour")
NAMES = ("model", "provider", "policy", "end_user", "plan", "region", "endpoint", "key", "project")
BY = (*TIMES, *NAMES)
SOURCES = METERED, REPORTED = ("metered", "reported")
PARAMETERS = ("by", "from", "to", *NAMES, "source", "limit", "cursor")
MOST_ROWS, USUAL_ROWS = 1_000, 100
USUAL_DAYS = 30
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Place:
    """After which row a page begins: its size, name and source."""

    size: int
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: full hours from `since` to before `until`, told apart `by`, in the order of `metric`."""

    metric: str
    by: str
    since: datetime
    until: datetime
    timezone: str = "UTC"
    filters: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = SOURCES
    limit: int = USUAL_ROWS
    after: Place | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One model, day or whatever it is told apart by, of one source; `value` "" is none."""

    source: str
    value: str
    totals: Totals


@dataclass(frozen=True, slots=True)
class Found:
    """A page of rows, the sums over all of them by source, and the names of what the values stand for."""

    rows: Sequence[Row]
    totals: Mapping[str, Totals]
    has_more: bool
    names: Mapping[str, str] = field(default_factory=dict)


def parse_question(metric: str, args: Mapping[str, str], timezone: str, now: datetime) -> Question:
    """Read the query of a request; InvalidRequest says what is allowed."""
    unknown = next((name for name in args if name not in PARAMETERS), None)
    if unknown is not None:
        known = ", ".join(PARAMETERS)
        raise InvalidRequest(f"There is no parameter '{unknown[:50]}'. Choose from: {known}.", param=unknown)
    by = choice(args, "by", BY, "day")
    source = choice(args, "source", SOURCES, "")
    since, until = stretch(args, timezone, now)
    return Question(
        metric=metric,
        by=by,
        since=since,
        until=until,
        timezone=timezone,
        filters={name: filter_of(args, name) for name in NAMES if args.get(name)},
        sources=(source,) if source else SOURCES,
        limit=limit_of(args),
        after=place_of(args.get("cursor", "")),
    )


def choice(args: Mapping[str, str], name: str, known: Sequence[str], otherwise: str) -> str:
    """Return one of the known values."""
    value = args.get(name) or otherwise
    if value and value not in known:
        raise InvalidRequest(f"'{name}' must be one of: {', '.join(known)}.", param=name)
    return value


def filter_of(args: Mapping[str, str], name: str) -> str:
    """Return the value that a name must have."""
    value = args[name]
    if len(value) > LONGEST_NAME or "\x00" in value:
        raise InvalidRequest(f"'{name}' must be at most {LONGEST_NAME} characters.", param=name)
    return value.lower() if name == "policy" else value


def limit_of(args: Mapping[str, str]) -> int:
    """Return how many rows a page has."""
    text = args.get("limit") or str(USUAL_ROWS)
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= MOST_ROWS):
        raise InvalidRequest(f"'limit' must be a whole number from 1 to {MOST_ROWS:,}.", param="limit")
    return int(text)


def stretch(args: Mapping[str, str], timezone: str, now: datetime) -> tuple[datetime, datetime]:
    """Return the hours that are asked for; without `from`, the 30 days before `to`."""
    until = moment(args, "to", timezone, ends=True) or timespans.after(now)
    since = moment(args, "from", timezone, ends=False) or until - timespans.DAY * USUAL_DAYS
    if since >= until:
        raise InvalidRequest("'from' must be before 'to'.", param="from")
    if until - since > timedelta(days=timespans.MOST_DAYS):
        raise InvalidRequest(f"At most {timespans.MOST_DAYS} days can be asked for at once.", param="from")
    return since, until


def moment(args: Mapping[str, str], name: str, timezone: str, *, ends: bool) -> datetime | None:
    """Return the full hour that a day or a time stands for; `to` a day is to its end."""
    text = args.get(name, "")
    if not text:
        return None
    try:
        if len(text) <= 10:
            day = date.fromisoformat(text)
            return timespans.midnight(day + timespans.DAY if ends else day, timezone)
        found = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign that was not escaped
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        hour = found.replace(minute=0, second=0, microsecond=0)
        return hour if hour == found or not ends else timespans.after(found)
    except (ValueError, OverflowError):
        example = f"{name}=2026-03-31 or {name}=2026-03-31T12:00:00Z"
        raise InvalidRequest(f"'{name}' must be a day or a time, as in {example}.", param=name) from None


def place_of(text: str) -> Place | None:
    """Read a cursor."""
    if not text:
        return None
    try:
        size, value, source = orjson.loads(base64.urlsafe_b64decode(text.encode()))
        fits = isinstance(size, int) and isinstance(value, str) and source in SOURCES
        if fits and abs(size) < 2**63 and len(value) <= LONGEST_NAME and "\x00" not in value:
            return Place(int(size), value, source)
    except (ValueError, TypeError, binascii.Error):
        pass
    raise InvalidRequest("'cursor' must be the next_cursor of the page before.", param="cursor")


def cursor_of(question: Question, row: Row) -> str:
    """Write the place of a row."""
    place = [size_of(question, row), row.value, row.source]
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode()


def size_of(question: Question, row: Row) -> int:
    """Return by what a row is sorted: the largest first, times in their order."""
    return 0 if question.by in TIMES else row.totals.of(METRICS[question.metric])


def answer(question: Question, found: Found) -> dict[str, Any]:
    """Return the body of an answer."""
    last = found.rows[-1] if found.rows and found.has_more else None
    return {
        "object": "list",
        "by": question.by,
        "from": written(question.since),
        "to": written(question.until),
        "timezone": question.timezone,
        "totals": {source: measures(question.metric, found.totals[source]) for source in question.sources},
        "data": [line(question, row, found.names) for row in found.rows],
        "has_more": found.has_more,
        "next_cursor": None if last is None else cursor_of(question, last),
    }


def line(question: Question, row: Row, names: Mapping[str, str]) -> dict[str, Any]:
    """Return one row."""
    named = {"name": names.get(row.value)} if question.by in ("endpoint", "key", "project") else {}
    what = {"source": row.source, question.by: row.value or None, **named}
    return {**what, **measures(question.metric, row.totals)}


def measures(metric: str, totals: Totals) -> dict[str, Any]:
    """Return the numbers of a metric; amounts are exact dollars."""
    counts = {"calls": totals.calls, "unpriced_calls": totals.unpriced}
    tokens = {"input_tokens": totals.input_tokens, "output_tokens": totals.output_tokens}
    spent, saved = totals.cost_nano_usd, totals.savings_nano_usd
    if metric == "spend":
        return {**counts, **tokens, "spend_usd": nano_to_usd(spent)}
    if metric == "savings":
        amounts = {"spend_usd": spent, "baseline_usd": spent + saved, "savings_usd": saved}
        return {**counts, **{name: nano_to_usd(amount) for name, amount in amounts.items()}}
    return {**counts, "errors": totals.errors, "blocked": totals.blocked, **tokens}


def written(at: datetime) -> str:
    """Write a time."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
