"""The customers' own users: who they are, what each of them used, and in which arm of a rollout they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, func, literal, select, union_all
from sqlalchemy.orm import Session

from app.database import database
from app.domain import analytics as questions
from app.domain.actors import Actor
from app.domain.analytics import METERED, REPORTED, Found, Question
from app.domain.rollouts import Arm, arm_of, bucket_of
from app.domain.timespans import DAY, after
from app.models import Endpoint, Memory, Policy, Project, RecordRow, ReportedHour, Rollout, UsageHour
from app.services import access, analytics
from app.services.analytics import Scope
from app.services.live_policies import facts_of
from app.services.receipts import Filters, batch
from app.services.usage_hours import COLLECTED, HourTable

PAGE_SIZE = 50
LATEST = 10
SHOWN = 100
EXPORTED = 100_000
COUNTS = ("calls", "errors", "blocked", "cost_nano_usd", "reported_calls", "reported_nano_usd")
SORTS = ("last", "spend", "calls", "errors")


@dataclass(frozen=True, slots=True)
class EndUser:
    """Somebody with what they used in the time; what clients reported of them stands apart."""

    name: str
    calls: int
    errors: int
    blocked: int
    cost_nano_usd: int
    reported_calls: int
    reported_nano_usd: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the end users, and whether there are more."""

    people: tuple[EndUser, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Place:
    """On which side of a rollout that is under way somebody is."""

    rollout: Rollout
    subject: str
    project: str
    arm: Arm


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of one end user."""

    name: str
    totals: Mapping[str, questions.Totals]
    by: Mapping[str, Found]
    latest: tuple[RecordRow, ...]
    places: tuple[Place, ...]
    memories: int
    last_at: datetime | None
    is_known: bool


def list_page(
    actor: Actor, workspace_id: str, days: int, query: str = "", sort: str = "last", page: int = 1
) -> Page:
    """Return a page of the end users of the last days. Viewers may."""

    def work(session: Session) -> Page:
        access.require(session, actor, workspace_id, "viewer")
        place = PAGE_SIZE * (page - 1)
        found = largest(session, workspace_id, days, query, sort, PAGE_SIZE + 1, place)
        shown = with_moments(session, workspace_id, found[:PAGE_SIZE])
        return Page(shown, len(found) > PAGE_SIZE)

    return database.read(work)


def export(actor: Actor, workspace_id: str, days: int, query: str, sort: str) -> tuple[EndUser, ...]:
    """Return all of them, for a file."""

    def work(session: Session) -> tuple[EndUser, ...]:
        access.require(session, actor, workspace_id, "viewer")
        return tuple(largest(session, workspace_id, days, query, sort, EXPORTED, 0))

    return database.read(work)


def largest(
    session: Session, workspace_id: str, days: int, query: str, sort: str, most: int, skipped: int
) -> list[EndUser]:
    """Return end users in the order asked for."""
    since = after(datetime.now(UTC)) - DAY * days
    parts = union_all(
        named_in(UsageHour, workspace_id, since, query, is_reported=False),
        named_in(ReportedHour, workspace_id, since, query, is_reported=True),
    ).subquery()
    sums = summed(parts)
    size = {"last": sums[-1], "spend": sums[3], "calls": sums[0] + sums[4], "errors": sums[1]}[sort]
    found = select(parts.c.end_user, *sums).group_by(parts.c.end_user).order_by(size.desc(), parts.c.end_user)
    rows = session.execute(found.limit(most).offset(skipped))
    return [EndUser(name=row[0], **counts_of(row[1:-1]), last_at=row[-1]) for row in rows]


def counts_of(sums: Sequence[Any]) -> dict[str, int]:
    """Return a person's sums: PostgreSQL adds up in decimals."""
    return {name: int(amount) for name, amount in zip(COUNTS, sums, strict=True)}


def named_in(
    table: HourTable, workspace_id: str, since: datetime, query: str, *, is_reported: bool
) -> Select[*tuple[Any, ...]]:
    """Return the sums of each end user in one table, in columns that fit the other's."""
    calls, cost = func.sum(table.calls), func.sum(table.cost_nano_usd)
    none = literal(0)
    own = (none, none, none, none, calls, cost) if is_reported else (
        calls, func.sum(table.errors), func.sum(table.blocked), cost, none, none,
    )  # fmt: skip
    columns = (column.label(name) for name, column in zip(COUNTS, own, strict=True))
    named = [table.workspace_id == workspace_id, table.starts_at >= since]
    named += [table.end_user.not_in(("", *COLLECTED))]
    if query:
        named.append(table.end_user.icontains(query, autoescape=True))
    last = func.max(table.starts_at).label("last_at")
    return select(table.end_user, *columns, last).where(*named).group_by(table.end_user)


def summed(parts: Subquery) -> list[ColumnElement[int]]:
    """Return the sums over both tables, and when they were last seen."""
    found = parts.c
    return [*(func.sum(found[name]) for name in COUNTS), func.max(found.last_at)]


def with_moments(session: Session, workspace_id: str, people: list[EndUser]) -> tuple[EndUser, ...]:
    """Return them with the moment of their last call in place of its hour."""
    last = {person.name: last_call(session, workspace_id, person.name) for person in people}
    return tuple(replace(person, last_at=last[person.name] or person.last_at) for person in people)


def last_call(session: Session, workspace_id: str, name: str) -> datetime | None:
    """Return when somebody's last call was."""
    mine = RecordRow.workspace_id == workspace_id, RecordRow.end_user == name
    newest = select(RecordRow.created_at).where(*mine).order_by(RecordRow.created_at.desc()).limit(1)
    return session.scalar(newest)


def story(actor: Actor, workspace_id: str, name: str, days: int) -> Story:
    """Return what is known of one end user. Viewers may."""

    def work(session: Session) -> Story:
        access.require(session, actor, workspace_id, "viewer")
        by = {each: told(session, workspace_id, name, each, days) for each in ("day", "model", "policy")}
        latest = batch(session, actor, workspace_id, Filters(end_user=name), None, LATEST)
        memories = session.scalar(
            select(func.count()).where(Memory.workspace_id == workspace_id, Memory.end_user == name)
        )
        return Story(
            name=name,
            totals=by["day"].totals,
            by=by,
            latest=tuple(latest),
            places=tuple(places(session, workspace_id, name)),
            memories=memories or 0,
            last_at=latest[0].created_at if latest else None,
            is_known=bool(latest or memories or any(found.rows for found in by.values())),
        )

    return database.read(work)


def told(session: Session, workspace_id: str, name: str, by: str, days: int) -> Found:
    """Return what somebody used in the last days, told apart by something."""
    until = after(datetime.now(UTC))
    asked = Question(
        "spend", by, until - DAY * days, until, filters={"end_user": name}, sources=(METERED, REPORTED)
    )
    return analytics.find(session, Scope(workspace_id), asked)


def places(session: Session, workspace_id: str, name: str) -> list[Place]:
    """Return their side of each rollout that is under way."""
    query = select(Rollout, Project.name).join(Project, Project.id == Rollout.project_id)
    query = query.where(Rollout.workspace_id == workspace_id, Rollout.ended_at.is_(None))
    found = []
    for row, project in session.execute(query.order_by(Rollout.created_at.desc()).limit(SHOWN)):
        policy, endpoint = session.get(Policy, row.subject_id), session.get(Endpoint, row.subject_id)
        if policy is not None or endpoint is not None:
            subject = policy.key if policy else endpoint.id if endpoint else ""
            arm = arm_of(facts_of(row), bucket_of(workspace_id, subject, name))
            found.append(
                Place(row, policy.key if policy else endpoint.slug if endpoint else "", project, arm)
            )
    return found
