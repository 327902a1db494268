"""What was used over some time, by model, key and so on: read from the sums by hour."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import add
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.timespans import Timespan
from app.domain.usage_sums import MEASURES, Totals
from app.models import Account, Endpoint, Key, Project, Provider, UsageHour
from app.services import access
from app.services.usage_hours import SUMS

DRAWN = 5
LISTED = 50
MOST_EXPORTED = 100_000
GROUPS = {
    "model": UsageHour.model,
    "provider": UsageHour.provider,
    "project": UsageHour.project_id,
    "endpoint": UsageHour.endpoint_id,
    "key": UsageHour.key_id,
    "account": UsageHour.account_id,
    "end_user": UsageHour.end_user,
    "policy": UsageHour.policy,
    "plan": UsageHour.plan,
    "region": UsageHour.region,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One model, key or whatever it is grouped by. `value` is its id or name as stored; "" is none."""

    value: str
    totals: Totals


@dataclass(frozen=True, slots=True)
class Report:
    """The sums of a stretch of time.

    `lines` are the largest by the order asked for, `others` the sum of the rest and how many they are.
    `drawn` are the largest by the measure asked for; `parts` has for each of them, and then for all others
    together, the sums of each part of the time.
    """

    now: Totals
    before: Totals
    lines: tuple[Line, ...]
    others: tuple[int, Totals]
    drawn: tuple[str, ...]
    parts: tuple[tuple[Totals, ...], ...]
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def by_part(self) -> tuple[Totals, ...]:
        """The sums of each part of the time, over everything."""
        return tuple(sum(each, Totals()) for each in zip(*self.parts, strict=True))


def report(actor: Actor, workspace_id: str, span: Timespan, group: str, measure: str, order: str) -> Report:
    """Return what the workspace used. Viewers may."""

    def work(session: Session) -> Report:
        access.require(session, actor, workspace_id, "viewer")
        where = within(workspace_id, span.starts_at, span.ends_at)
        lines, count, now = largest(session, where, group, order, LISTED)
        same = order == measure
        drawn = lines[:DRAWN] if same else largest(session, where, group, measure, DRAWN)[0]
        values = tuple(line.value for line in drawn)
        return Report(
            now=now,
            before=total(session, within(workspace_id, *span.before)),
            lines=lines,
            others=(count - len(lines), now - sum((line.totals for line in lines), Totals())),
            drawn=values,
            parts=parts(session, where, span, group, values),
            names=names_of(session, workspace_id, group),
        )

    return database.read(work)


def export(
    actor: Actor, workspace_id: str, span: Timespan, group: str, order: str
) -> tuple[tuple[Line, ...], Mapping[str, str]]:
    """Return every line, and the names of what they stand for."""

    def work(session: Session) -> tuple[tuple[Line, ...], Mapping[str, str]]:
        access.require(session, actor, workspace_id, "viewer")
        where = within(workspace_id, span.starts_at, span.ends_at)
        lines = largest(session, where, group, order, MOST_EXPORTED)[0]
        return lines, names_of(session, workspace_id, group)

    return database.read(work)


def within(workspace_id: str, since: datetime, until: datetime) -> list[ColumnElement[bool]]:
    """Return what holds for the workspace's hours in this time."""
    return [
        UsageHour.workspace_id == workspace_id,
        UsageHour.starts_at >= since,
        UsageHour.starts_at < until,
    ]


def summed() -> list[ColumnElement[Any]]:
    """Return the columns of Totals."""
    return [func.coalesce(func.sum(getattr(UsageHour, name)), 0).label(name) for name in SUMS]


def totals_of(row: Row, prefix: str = "") -> Totals:
    """Return a row's sums: PostgreSQL adds up in decimals."""
    return Totals(*(int(getattr(row, prefix + name)) for name in SUMS))


def total(session: Session, where: list[ColumnElement[bool]]) -> Totals:
    """Add everything up."""
    return totals_of(session.execute(select(*summed()).where(*where)).one())


def largest(
    session: Session, where: list[ColumnElement[bool]], group: str, order: str, most: int
) -> tuple[tuple[Line, ...], int, Totals]:
    """Return the lines that have most of what is asked for; how many there are; and the sum of all of them.

    All in one pass over the hours: a busy month has a million.
    """
    column = GROUPS[group].label("value")
    size = reduce(add, (func.sum(getattr(UsageHour, name)) for name in MEASURES[order]))
    everything = (func.sum(func.sum(getattr(UsageHour, name))).over().label(f"all_{name}") for name in SUMS)
    query = select(column, *summed(), func.count().over().label("lines"), *everything).where(*where)
    query = query.group_by(column)
    query = query.order_by(size.desc(), func.sum(UsageHour.calls).desc(), column).limit(most)
    rows = session.execute(query).all()
    lines = tuple(Line(row.value, totals_of(row)) for row in rows)
    if not rows:
        return lines, 0, Totals()
    return lines, rows[0].lines, totals_of(rows[0], "all_")


def parts(
    session: Session, where: list[ColumnElement[bool]], span: Timespan, group: str, drawn: tuple[str, ...]
) -> tuple[tuple[Totals, ...], ...]:
    """Return the sums of each part of the time for each of these values, and for the rest together."""
    found = [[Totals()] * len(span.starts) for _ in range(len(drawn) + 1)]
    if not drawn:
        return tuple(map(tuple, found))
    values = enumerate(drawn)
    place = case(*((GROUPS[group] == value, n) for n, value in values), else_=len(drawn)).label("place")
    columns = (getattr(UsageHour, name) for name in SUMS)
    hours = select(UsageHour.starts_at, place, *columns).where(*where).subquery()
    keys = hours.c.starts_at, hours.c.place
    sums = (func.sum(hours.c[name]).label(name) for name in SUMS)
    for row in session.execute(select(*keys, *sums).group_by(*keys)):
        part = bisect_right(span.starts, row.starts_at) - 1
        found[row.place][part] += totals_of(row)
    return tuple(map(tuple, found))


def names_of(session: Session, workspace_id: str, group: str) -> dict[str, str]:
    """Return the names of what the ids or slugs stand for, as far as it is still there."""
    if group == "key":
        keys = select(Key.id, Project.name, Key.name).join_from(Key, Project, Project.id == Key.project_id)
        rows = session.execute(keys.where(Key.workspace_id == workspace_id))
        return {key_id: f"{project} / {name}" for key_id, project, name in rows}
    columns = {
        "provider": (Provider.slug, Provider.name),
        "project": (Project.id, Project.name),
        "endpoint": (Endpoint.id, Endpoint.slug),
        "account": (Account.id, Account.name),
    }.get(group)
    if columns is None:
        return {}
    where = columns[0].class_.workspace_id == workspace_id
    return {row[0]: row[1] for row in session.execute(select(*columns).where(where))}
