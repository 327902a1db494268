"""What was spent, saved and used: rows out of the sums by hour, metered and reported calls always apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import add
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, Select, Subquery, and_, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from app.database import database
from app.domain import analytics
from app.domain.actors import Actor
from app.domain.analytics import METERED, METRICS, REPORTED, TIMES, Found, Place, Question, written
from app.domain.callers import Caller
from app.domain.errors import InvalidRequest, NotAllowed
from app.domain.ids import is_uuid
from app.domain.key_api import plain_id
from app.domain.limits import Full, Limiter, refusal
from app.domain.usage_sums import MEASURES, Totals
from app.models import Endpoint, Key, Project, ReportedHour, UsageHour
from app.services import access, management
from app.services.usage_hours import SUMS, HourTable

SCOPE = "analytics:read"
REQUESTS_PER_MINUTE = 60
TABLES: dict[str, HourTable] = {METERED: UsageHour, REPORTED: ReportedHour}
COLUMNS = {
    **dict.fromkeys(TIMES, "starts_at"),
    **{name: name for name in ("model", "provider", "policy", "end_user", "plan", "region")},
    "endpoint": "endpoint_id",
    "key": "key_id",
    "project": "project_id",
}
Rows = tuple[list[analytics.Row], dict[str, Totals]]  # and the sums of everything by source
NAMED = {
    "endpoint": (Endpoint.id, Endpoint.slug),
    "key": (Key.id, Key.name),
    "project": (Project.id, Project.name),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose numbers may be seen: a workspace's, or only those of one project or sub-account in it."""

    workspace_id: str
    project_id: str | None = None
    account_id: str | None = None


def admit(caller: Caller) -> None:
    """Count the request; raise RateLimited past 60 a minute."""
    limiter = Limiter("analytics", caller.key_id or "", "requests_per_minute", REQUESTS_PER_MINUTE)
    outcome = management.count(caller, limiter)
    if isinstance(outcome, Full):
        raise refusal(outcome)


def scope_of(caller: Caller) -> Scope:
    """Return what a key sees: its project's numbers; a sub-account's key only its sub-account's."""
    of_root = caller.account_id == caller.payer_id
    return Scope(caller.workspace_id, caller.project_id, None if of_root else caller.account_id)


def of_caller(caller: Caller, metric: str, args: Mapping[str, str]) -> dict[str, Any]:
    """Answer a key's question; raise InvalidRequest."""
    question = analytics.parse_question(metric, args, caller.timezone, datetime.now(UTC))
    if question.filters.get("project", caller.project_id) != caller.project_id:
        raise NotAllowed("Token does not belong to this project.", param="project")
    scope = scope_of(caller)
    return analytics.answer(question, database.read(lambda session: find(session, scope, question)))


def of_workspace(actor: Actor, workspace_id: str, question: Question) -> Found:
    """Answer a question of the dashboard. Viewers may."""

    def work(session: Session) -> Found:
        access.require(session, actor, workspace_id, "viewer")
        return find(session, Scope(workspace_id), question)

    return database.read(work)


def find(session: Session, scope: Scope, question: Question) -> Found:
    """Return a page of rows and the sums over all of them."""
    where = {source: conditions(session, TABLES[source], scope, question) for source in question.sources}
    find_rows = by_time if question.by in TIMES else by_name
    rows, totals = find_rows(session, question, where)
    shown = rows[: question.limit]
    return Found(
        rows=shown,
        totals=totals,
        has_more=len(rows) > question.limit,
        names=names_of(session, scope, question.by, [row.value for row in shown]),
    )


def conditions(
    session: Session, table: HourTable, scope: Scope, question: Question
) -> list[ColumnElement[bool]]:
    """Return what must hold for an hour's row to be added up."""
    found = [
        table.workspace_id == scope.workspace_id,
        table.starts_at >= question.since,
        table.starts_at < question.until,
    ]
    if scope.project_id is not None:
        found.append(table.project_id == scope.project_id)
    if scope.account_id is not None:
        found.append(table.account_id == scope.account_id)
    for name, value in question.filters.items():
        found.append(getattr(table, COLUMNS[name]).in_(stored_as(session, scope, name, value)))
    return found


def stored_as(session: Session, scope: Scope, name: str, value: str) -> list[str]:
    """Return under what a filter's value stands in the rows: endpoints are named by their slugs."""
    if name == "endpoint" and not is_uuid(value):
        query = select(Endpoint.id).where(Endpoint.workspace_id == scope.workspace_id, Endpoint.slug == value)
        if scope.project_id is not None:
            query = query.where(Endpoint.project_id == scope.project_id)
        return list(session.scalars(query)) or no_such(name, value)
    if name in ("key", "project"):
        return [plain_id(value) or no_such(name, value)[0]]
    return [value]


def no_such(name: str, value: str) -> list[str]:
    """Raise: nothing has this name."""
    how = "its slug or its id" if name == "endpoint" else "its id"
    raise InvalidRequest(f"There is no {name} '{value[:64]}' here; name it by {how}.", param=name)


def summed(table: HourTable) -> list[ColumnElement[int]]:
    """Return the columns of Totals."""
    return [func.coalesce(func.sum(getattr(table, name)), 0).label(name) for name in SUMS]


def totals_of(row: Row, prefix: str = "") -> Totals:
    """Return a row's sums: PostgreSQL adds up in decimals."""
    return Totals(*(int(getattr(row, prefix + name)) for name in SUMS))


def total(session: Session, table: HourTable, where: list[ColumnElement[bool]]) -> Totals:
    """Add everything up."""
    return totals_of(session.execute(select(*summed(table)).where(*where)).one())


def grouped(question: Question, where: Mapping[str, list[ColumnElement[bool]]]) -> Subquery:
    """Return the sums of each value of each source."""
    parts = [part(TABLES[source], source, question.by, given) for source, given in where.items()]
    return union_all(*parts).subquery() if len(parts) > 1 else parts[0].subquery()


def part(table: HourTable, source: str, by: str, where: list[ColumnElement[bool]]) -> Select[Any]:
    """Return the sums of each value of one source, and beside each those of all: one pass over the hours."""
    value = getattr(table, COLUMNS[by])
    everything = (func.sum(func.sum(getattr(table, name))).over().label(f"all_{name}") for name in SUMS)
    query = select(literal(source).label("source"), value.label("value"), *summed(table), *everything)
    return query.where(*where).group_by(value)


def by_name(session: Session, question: Question, where: Mapping[str, list[ColumnElement[bool]]]) -> Rows:
    """Return the page's rows and one more, the largest first; and the sums over all of them."""
    table = grouped(question, where)
    found = table.c
    size = reduce(add, (found[name] for name in MEASURES[METRICS[question.metric]]))
    query = select(table).order_by(size.desc(), found.value, found.source).limit(question.limit + 1)
    if question.after is not None:
        query = query.where(is_after(size, found.value, found.source, question.after))
    rows = session.execute(query).all()
    known = {row.source: totals_of(row, "all_") for row in rows}
    totals = {
        source: known[source] if source in known else total(session, TABLES[source], where[source])
        for source in question.sources
    }
    return [analytics.Row(row.source, row.value, totals_of(row)) for row in rows], totals


def is_after(
    size: ColumnElement[int], value: ColumnElement[str], source: ColumnElement[str], place: Place
) -> ColumnElement[bool]:
    """Match the rows after a place."""
    later = or_(value > place.value, and_(value == place.value, source > place.source))
    return or_(size < place.size, and_(size == place.size, later))


def by_time(session: Session, question: Question, where: Mapping[str, list[ColumnElement[bool]]]) -> Rows:
    """Return the page's rows and one more, in the order of time; and the sums over all of them."""
    rows = session.execute(select(grouped(question, where))).all()
    known = {row.source: totals_of(row, "all_") for row in rows}
    totals = {source: known.get(source, Totals()) for source in question.sources}
    named = ((label(row.value, question), row.source, totals_of(row)) for row in rows)
    found = sorted(folded(named), key=lambda row: (row.value, row.source))
    after = question.after
    if after is not None:
        found = [row for row in found if (row.value, row.source) > (after.value, after.source)]
    return found[: question.limit + 1], totals


def label(starts_at: datetime, question: Question) -> str:
    """Name an hour, or the day on the workspace's clock to which it belongs."""
    if question.by == "hour":
        return written(starts_at)
    return starts_at.astimezone(ZoneInfo(question.timezone)).date().isoformat()


def folded(rows: Iterable[tuple[str, str, Totals]]) -> Iterator[analytics.Row]:
    """Add up the hours that have the same name."""
    sums: dict[tuple[str, str], Totals] = {}
    for value, source, totals in rows:
        sums[value, source] = sums.get((value, source), Totals()) + totals
    return (analytics.Row(source, value, totals) for (value, source), totals in sums.items())


def names_of(session: Session, scope: Scope, by: str, values: list[str]) -> dict[str, str]:
    """Return the names of what the ids stand for, as far as it is still there."""
    if by not in NAMED:
        return {}
    column, name = NAMED[by]
    mine = column.class_.workspace_id == scope.workspace_id
    rows = session.execute(select(column, name).where(mine, column.in_([v for v in values if v])))
    return {row[0]: row[1] for row in rows}
