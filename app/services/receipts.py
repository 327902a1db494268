"""Finding and listing the records of calls: filters, keyset pages, one record with what surrounds it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, and_, exists, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.callers import Caller
from app.domain.errors import NotFound
from app.domain.ids import is_uuid
from app.models import ChatSession, Endpoint, Key, Membership, Policy, Project, Provider, RecordRow, User
from app.models.columns import UtcDateTime
from app.services import access
from app.services.record_rows import content_allowed

PLAIN = (
    "outcome", "source", "endpoint_id", "project_id", "end_user", "provider", "policy_key", "action", "arm"
)  # fmt: skip
PAGE_SIZE = 50
EXPORT_BATCH = 1_000
BEFORE, AFTER = timedelta(seconds=5), timedelta(minutes=1)  # a record is made right after its id
LONGEST_CALL = timedelta(minutes=11)  # a record is written when its call has ended


@dataclass(frozen=True, slots=True)
class Filters:
    """Which records to show; empty fields do not restrict. `who` is `key:<id>` or `person:<e-mail>`."""

    outcome: str = ""
    endpoint_id: str = ""
    project_id: str = ""
    who: str = ""
    model: str = ""  # part of a model's id or of a provider's slug
    provider: str = ""  # the slug of the one that answered
    exact_model: str = ""  # provider/model that answered; the one that was asked for where none did
    source: str = ""
    end_user: str = ""
    since: datetime | None = None
    until: datetime | None = None
    request_id: str = ""  # ours or the client's
    policy_key: str = ""
    action: str = ""  # what the policy said
    arm: str = ""  # the side of a rollout


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the list; `forward` means towards older records."""

    created_at: datetime
    id: str
    forward: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, newest first, and where the pages beside it begin."""

    rows: list[RecordRow]
    newer: Cursor | None
    older: Cursor | None


@dataclass(frozen=True, slots=True)
class Choices:
    """What the filters offer: pairs of value and label."""

    projects: list[tuple[str, str]]
    endpoints: list[tuple[str, str]]
    keys: list[tuple[str, str]]
    people: list[tuple[str, str]]
    providers: list[str]
    policies: list[str]


@dataclass(frozen=True, slots=True)
class Story:
    """A record and what surrounds it today; deleted things are absent."""

    row: RecordRow
    project: Project | None
    endpoint: Endpoint | None
    provider_names: dict[str, str]
    keeping_allowed: bool
    has_session: bool = False
    policy: Policy | None = None


def list_page(actor: Actor, workspace_id: str, filters: Filters, cursor: Cursor | None = None) -> Page:
    """Return one page of the workspace's records."""
    rows = database.read(lambda s: batch(s, actor, workspace_id, filters, cursor, PAGE_SIZE + 1))
    more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    forward = cursor is None or cursor.forward
    if not forward:
        rows.reverse()
    if not rows:
        return Page([], None, None)
    newest = Cursor(rows[0].created_at, rows[0].id, forward=False)
    oldest = Cursor(rows[-1].created_at, rows[-1].id)
    if forward:
        return Page(rows, newest if cursor else None, oldest if more else None)
    return Page(rows, newest if more else None, oldest)


def export(actor: Actor, workspace_id: str, filters: Filters, most: int = 100_000) -> Iterator[RecordRow]:
    """Yield every record that passes the filters, newest first, read in batches."""
    cursor: Cursor | None = None
    for _ in range(0, most, EXPORT_BATCH):
        rows = next_batch(actor, workspace_id, filters, cursor)
        yield from rows
        if len(rows) < EXPORT_BATCH:
            return
        cursor = Cursor(rows[-1].created_at, rows[-1].id)


def next_batch(actor: Actor, workspace_id: str, filters: Filters, cursor: Cursor | None) -> list[RecordRow]:
    """Read one batch of an export."""
    return database.read(lambda s: batch(s, actor, workspace_id, filters, cursor, EXPORT_BATCH))


def batch(
    session: Session, actor: Actor, workspace_id: str, filters: Filters, cursor: Cursor | None, limit: int
) -> list[RecordRow]:
    """Read up to `limit` records from the cursor on, in its direction."""
    access.require(session, actor, workspace_id, "viewer")
    query = select(RecordRow).where(RecordRow.workspace_id == workspace_id, *conditions(filters))
    return list(session.scalars(from_cursor(query, cursor).limit(limit)))


def from_cursor(query: Select[RecordRow], cursor: Cursor | None) -> Select[RecordRow]:
    """Start the query after the cursor."""
    place = tuple_(RecordRow.created_at, RecordRow.id)
    if cursor is not None:
        at = literal(cursor.created_at, UtcDateTime()), literal(cursor.id, Uuid(as_uuid=False))
        query = query.where(place < tuple_(*at) if cursor.forward else place > tuple_(*at))
    if cursor is None or cursor.forward:
        return query.order_by(RecordRow.created_at.desc(), RecordRow.id.desc())
    return query.order_by(RecordRow.created_at, RecordRow.id)


def conditions(filters: Filters) -> list[ColumnElement[bool]]:
    """Return what the filters ask of a record."""
    found = [getattr(RecordRow, name) == getattr(filters, name) for name in PLAIN if getattr(filters, name)]
    if filters.who:
        found.append(is_caller(filters.who))
    if filters.model:
        columns = RecordRow.model_requested, RecordRow.model_answered, RecordRow.provider
        found.append(or_(*(column.icontains(filters.model, autoescape=True) for column in columns)))
    if filters.exact_model:
        found.append(is_counted_as(filters.exact_model))
    if filters.since is not None:
        found.append(RecordRow.created_at >= filters.since)
    if filters.until is not None:
        found.append(RecordRow.created_at < filters.until)
    if filters.request_id:
        found.append(has_id(filters.request_id))
    return found


def is_counted_as(model: str) -> ColumnElement[bool]:
    """Match a model as usage counts it (`usage_hours.model_of`)."""
    nobody = and_(RecordRow.model_answered.is_(None), RecordRow.model_requested == model)
    provider, _, answered = model.partition("/")
    return or_(nobody, and_(RecordRow.provider == provider, RecordRow.model_answered == answered))


def is_caller(who: str) -> ColumnElement[bool]:
    """Match a key by its id, or a person by their e-mail address."""
    kind, _, value = who.partition(":")
    if kind == "key":
        return RecordRow.key_id == value if is_uuid(value) else literal(False)
    return and_(RecordRow.key_id.is_(None), RecordRow.caller_label == value)


def has_id(request_id: str) -> ColumnElement[bool]:
    """Match our own id of a call, or the client's."""
    by_client = RecordRow.client_request_id == request_id
    return or_(by_client, by_id(request_id)) if is_uuid(request_id) else by_client


def by_id(record_id: str) -> ColumnElement[bool]:
    """Match one record by id and, so that only its partition is read, by the time in the id."""
    made_at = made_at_of(record_id)
    if made_at is None:
        return literal(False)
    between = RecordRow.created_at.between(made_at - BEFORE, made_at + AFTER)
    return and_(between, RecordRow.id == record_id)


def made_at_of(record_id: str) -> datetime | None:
    """Return when a UUIDv7 was made; None for any other id."""
    value = UUID(record_id)
    if value.version != 7:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value.int >> 80)


def find(actor: Actor, workspace_id: str, record_id: str) -> Story | None:
    """Return one record with its surroundings; None while its call may still run or be written.

    Raise NotFound for an unknown id and for another workspace's.
    """

    def work(session: Session) -> Story | None:
        access.require(session, actor, workspace_id, "viewer")
        row = session.scalars(select(RecordRow).where(by_id(record_id))).first()
        if row is None and may_come(record_id):
            return None
        if row is None or row.workspace_id != workspace_id:
            raise NotFound("There is no such request.")
        return story(session, row)

    return database.read(work)


def find_own(caller: Caller, record_id: str) -> RecordRow:
    """Return a record of the caller's own project; raise NotFound, also while its call is under way."""

    def work(session: Session) -> RecordRow:
        row = session.scalars(select(RecordRow).where(by_id(record_id))).first()
        if row is None or row.project_id != caller.project_id:
            raise NotFound("There is no such receipt. It is there about a second after the call has ended.")
        return row

    return database.read(work)


def may_come(record_id: str) -> bool:
    """Say whether an id is so young that its record may not be written yet."""
    made_at, now = made_at_of(record_id), datetime.now(UTC)
    return made_at is not None and now - LONGEST_CALL < made_at <= now + BEFORE


def story(session: Session, row: RecordRow) -> Story:
    """Read what surrounds a record."""
    where = Provider.workspace_id == row.workspace_id
    return Story(
        row=row,
        project=session.get(Project, row.project_id) if row.project_id else None,
        endpoint=session.get(Endpoint, row.endpoint_id) if row.endpoint_id else None,
        provider_names={p.slug: p.name for p in session.scalars(select(Provider).where(where))},
        keeping_allowed=content_allowed.allowed,
        has_session=row.session_id is not None and session.get(ChatSession, row.session_id) is not None,
        policy=policy_of(session, row),
    )


def policy_of(session: Session, row: RecordRow) -> Policy | None:
    """Return the policy that decided the call, where it is still there under its key."""
    where = Policy.project_id == row.project_id, Policy.key == row.policy_key
    return session.scalars(select(Policy).where(*where)).first() if row.policy_key else None


def exists_any(actor: Actor, workspace_id: str) -> bool:
    """Say whether the workspace has any record at all."""

    def work(session: Session) -> bool:
        access.require(session, actor, workspace_id, "viewer")
        return bool(session.scalar(select(exists().where(RecordRow.workspace_id == workspace_id))))

    return database.read(work)


def choices(actor: Actor, workspace_id: str) -> Choices:
    """Return what the filters offer."""

    def work(session: Session) -> Choices:
        access.require(session, actor, workspace_id, "viewer")
        in_projects = select(Project.name, Endpoint.slug, Endpoint.id).join_from(
            Endpoint, Project, Project.id == Endpoint.project_id
        )
        keys = select(Project.name, Key.name, Key.id).join_from(Key, Project, Project.id == Key.project_id)
        people = select(User.email).join_from(User, Membership, Membership.user_id == User.id)
        people = people.where(Membership.workspace_id == workspace_id)
        slugs = select(Provider.slug).where(Provider.workspace_id == workspace_id).order_by(Provider.slug)
        named = select(Policy.key).where(Policy.workspace_id == workspace_id).distinct().order_by(Policy.key)
        projects = select(Project.id, Project.name).where(Project.workspace_id == workspace_id)
        return Choices(
            projects=list(session.execute(projects.order_by(Project.name))),
            endpoints=labelled(session, in_projects.where(Endpoint.workspace_id == workspace_id)),
            keys=labelled(session, keys.where(Key.workspace_id == workspace_id), "key:"),
            people=[(f"person:{email}", email) for email in sorted(session.scalars(people))],
            providers=list(session.scalars(slugs)),
            policies=list(session.scalars(named)),
        )

    return database.read(work)


def labelled(session: Session, query: Select[str, str, str], prefix: str = "") -> list[tuple[str, str]]:
    """Return (value, "project / name") for each row, by label."""
    rows = [(f"{prefix}{row_id}", f"{project} / {name}") for project, name, row_id in session.execute(query)]
    return sorted(rows, key=lambda row: row[1])
