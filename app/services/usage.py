"""A workspace's last day in numbers: by hour, against the day before, by endpoint, and the latest calls."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Integer, Row, and_, case, cast, extract, func, literal_column, select
from sqlalchemy.orm import Session, load_only

from app.database import database
from app.domain.actors import Actor
from app.models import RecordRow
from app.services import access
from app.services.cache import Cache
from app.services.usage_hours import APART, FAILED

DAY = timedelta(hours=24)
HOURS = 24
SHOWN = 5
SLOW_SECONDS = 0.05
KEPT_FOR = 50  # times as long as it took: at most 2 % of a worker goes into these sums
HOUR_SECONDS: ColumnElement[int] = literal_column(
    "3600"
)  # not a parameter: PostgreSQL compares expressions of GROUP BY


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over some calls. `errors` counts those that failed, `unpriced` those whose price is not known."""

    calls: int = 0
    errors: int = 0
    tokens: int = 0
    cost_nano_usd: int = 0
    unpriced: int = 0
    refused: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Hour:
    """One clock hour (UTC) and its calls."""

    starts_at: datetime
    totals: Totals


@dataclass(frozen=True, slots=True)
class EndpointUse:
    """An endpoint and its calls."""

    endpoint_id: str
    slug: str
    totals: Totals


@dataclass(frozen=True, slots=True)
class Numbers:
    """The last 24 hours: clock hours up to the running one, exact sums, and those of the 24 hours before."""

    hours: tuple[Hour, ...]
    now: Totals
    before: Totals
    endpoints: tuple[EndpointUse, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """The last day's numbers and the newest calls."""

    numbers: Numbers
    latest: tuple[RecordRow, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """Numbers that took long to add up, and until when they serve (monotonic seconds)."""

    numbers: Numbers
    until: float


kept: Cache[str, Kept] = Cache(200)


def last_day(actor: Actor, workspace_id: str, now: datetime | None = None) -> Day:
    """Return the workspace's last day in numbers. Viewers may."""

    def work(session: Session) -> Day:
        access.require(session, actor, workspace_id, "viewer")
        return Day(numbers(session, workspace_id, now), latest(session, workspace_id))

    return database.read(work)


def numbers(session: Session, workspace_id: str, now: datetime | None) -> Numbers:
    """Add the numbers up. What took long serves for longer, so that a busy workspace's Home stays cheap."""
    started = time.monotonic()
    known = kept.get(workspace_id) if now is None else None
    if known is not None and started < known.until:
        return known.numbers
    found = add_up(session, workspace_id, now or datetime.now(UTC))
    seconds = time.monotonic() - started
    if seconds > SLOW_SECONDS:
        kept.put(workspace_id, Kept(found, time.monotonic() + seconds * KEPT_FOR))
    return found


def add_up(session: Session, workspace_id: str, until: datetime) -> Numbers:
    """Return the numbers of the 48 hours up to `until`."""
    rows = sums_by_hour(session, workspace_id, until)
    return Numbers(
        hours=hours_of(rows, until),
        now=sum((totals(row) for row in rows if row.recent), Totals()),
        before=sum((totals(row) for row in rows if not row.recent), Totals()),
        endpoints=busiest(session, workspace_id, until - DAY),
    )


def sums_by_hour(session: Session, workspace_id: str, until: datetime) -> list[Row]:
    """Return sums per clock hour of two days; the hour in which the older day ends comes as two rows."""
    seconds = extract("epoch", RecordRow.created_at)
    hour = (seconds - seconds % HOUR_SECONDS).label("hour")
    recent = case((RecordRow.created_at >= until - DAY, 1), else_=0).label("recent")
    where = metered(workspace_id), RecordRow.created_at >= until - 2 * DAY
    split = select(hour, recent, *counted()).where(*where, RecordRow.created_at <= until).subquery()
    columns = [split.c.hour, split.c.recent]
    query = select(*columns, *(func.sum(split.c[name]).label(name) for name in Totals.__slots__))
    return list(session.execute(query.group_by(*columns)))


def metered(workspace_id: str) -> ColumnElement[bool]:
    """Match the workspace's own calls: neither those that clients reported nor those in shadow."""
    return and_(RecordRow.workspace_id == workspace_id, RecordRow.source.not_in(APART))


def counted() -> list:
    """Return one call's columns of Totals."""
    return [
        cast(literal_column("1"), Integer).label("calls"),
        case((RecordRow.outcome.in_(FAILED), 1), else_=0).label("errors"),
        (RecordRow.input_tokens + RecordRow.output_tokens).label("tokens"),
        func.coalesce(RecordRow.cost_nano_usd, 0).label("cost_nano_usd"),
        case((RecordRow.cost_nano_usd.is_(None), 1), else_=0).label("unpriced"),
        case((RecordRow.outcome == "refused", 1), else_=0).label("refused"),
    ]


def totals(row: Row) -> Totals:
    """Return a row's sums."""
    return Totals(*(int(getattr(row, name) or 0) for name in Totals.__slots__))


def hours_of(rows: list[Row], until: datetime) -> tuple[Hour, ...]:
    """Return the last 24 clock hours, the running one last, those without calls too."""
    found: dict[int, Totals] = {}
    for row in rows:
        found[int(row.hour)] = found.get(int(row.hour), Totals()) + totals(row)
    running = until.replace(minute=0, second=0, microsecond=0)
    starts = [running - timedelta(hours=ago) for ago in range(HOURS - 1, -1, -1)]
    return tuple(Hour(start, found.get(int(start.timestamp()), Totals())) for start in starts)


def busiest(session: Session, workspace_id: str, since: datetime) -> tuple[EndpointUse, ...]:
    """Return the endpoints with most calls."""
    where = (
        metered(workspace_id),
        RecordRow.created_at >= since,
        RecordRow.endpoint_id.is_not(None),
    )
    columns = [RecordRow.endpoint_id, func.max(RecordRow.endpoint_slug).label("slug")]
    sums = [func.sum(column).label(column.name) for column in counted()]
    query = select(*columns, *sums).where(*where).group_by(RecordRow.endpoint_id)
    rows = session.execute(query.order_by(func.sum(counted()[0]).desc(), "slug").limit(SHOWN))
    return tuple(EndpointUse(str(row.endpoint_id), row.slug, totals(row)) for row in rows)


def latest(session: Session, workspace_id: str) -> tuple[RecordRow, ...]:
    """Return the newest of the workspace's own calls, with the columns of a list."""
    columns = [getattr(RecordRow, name) for name in LISTED]
    query = select(RecordRow).where(metered(workspace_id)).options(load_only(*columns))
    newest = RecordRow.created_at.desc(), RecordRow.id.desc()
    return tuple(session.scalars(query.order_by(*newest).limit(SHOWN)))


LISTED = (
    "created_at",
    "id",
    "endpoint_slug",
    "caller_label",
    "outcome",
    "status",
    "model_answered",
    "model_requested",
    "input_tokens",
    "output_tokens",
    "cost_nano_usd",
    "duration_ms",
)
