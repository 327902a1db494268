"""Usage by hour: added up from each batch of records in the transaction that writes them, so it is exact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from operator import add as add_up
from typing import Any

from sqlalchemy import ColumnElement, case, delete, func, select, text
from sqlalchemy.orm import Session

from app.database import database
from app.domain.ids import new_id
from app.models import RecordRow, ReportedHour, UsageHour, Workspace
from app.models.usage import DIMENSIONS
from app.services import sum_rows
from app.services.cache import Cache

HOUR = timedelta(hours=1)
KEPT = timedelta(days=400)
BLOCKED = ("guardrail_blocked", "policy_blocked")  # codes of errors
FAILED = ("failed", "cut", "aborted", "crashed")  # not: a refusal, a client that hangs up
SUMS = (
    "calls", "errors", "blocked", "unpriced", "input_tokens", "output_tokens", "cost_nano_usd",
    "savings_nano_usd",
)  # fmt: skip
APART = ("reported", "shadow")  # sources of records that are no metered usage
OTHER, ERASED = COLLECTED = ("(other)", "(erased)")
MOST = {
    "model": 500,
    "end_user": 1_000,
    "plan": 200,
    "region": 500,
}  # names of a workspace's hour; each process counts its own
RECOUNTED = (
    "workspace_id", "account_id", "project_id", "key_id", "endpoint_id", "provider", "model_answered",
    "model_requested", "end_user", "source", "policy_key", "plan", "region",
)  # fmt: skip
PLACES = {name: DIMENSIONS.index(name) for name in MOST}

Key = tuple[Any, ...]
Sums = tuple[int, ...]  # in the order of SUMS
HourTable = type[UsageHour] | type[ReportedHour]

known_names: Cache[tuple[str, str, datetime, str], set[int]] = Cache(500)


def add(session: Session, rows: Iterable[Mapping[str, Any]], table: HourTable = UsageHour) -> None:
    """Add records that are being written to their hours; what was not metered is in no UsageHour."""
    counted = (row for row in rows if table is not UsageHour or row["source"] not in APART)
    write(session, folded((key_of(row), sums_of(row)) for row in counted), table)


def key_of(row: Mapping[str, Any]) -> Key:
    """Return where a record is counted."""
    return (
        row["workspace_id"],
        start_of(row["created_at"]),
        row["account_id"] or "",
        row["project_id"] or "",
        row["key_id"] or "",
        row["endpoint_id"] or "",
        row["provider"] or "",
        model_of(row),
        row.get("end_user") or "",
        row["source"],
        row.get("policy_key") or "",
        row.get("plan") or "",
        row.get("region") or "",
    )


def start_of(at: datetime) -> datetime:
    """Return the start of the clock hour (UTC)."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def model_of(row: Mapping[str, Any]) -> str:
    """Name the model that answered, with its provider; else the one that was asked for."""
    answered, provider = row["model_answered"], row["provider"]
    if not answered:
        return str(row["model_requested"] or "")
    return f"{provider}/{answered}"[:200] if provider else str(answered)


def sums_of(row: Mapping[str, Any]) -> Sums:
    """Return what a record adds."""
    cost = row["cost_nano_usd"]
    failed = row["outcome"] in FAILED
    blocked = row.get("error_code") in BLOCKED
    tokens = row["input_tokens"], row["output_tokens"]
    saved = row.get("savings_nano_usd") or 0
    return 1, int(failed), int(blocked), int(cost is None), *tokens, cost or 0, saved


def folded(entries: Iterable[tuple[Key, Sums]]) -> dict[Key, Sums]:
    """Add up what is counted at the same place."""
    found: dict[Key, Sums] = {}
    for key, sums in entries:
        known = found.get(key)
        found[key] = sums if known is None else tuple(map(add_up, known, sums))
    return found


def guarded(key: Key, table: HourTable) -> Key:
    """Count a name as "(other)" once its hour has too many: a client may send a new one each call."""
    for name, place in PLACES.items():
        if key[place] and key[place] not in COLLECTED and not is_known(key, name, place, table):
            key = (*key[:place], OTHER, *key[place + 1 :])
    return key


def is_known(key: Key, name: str, place: int, table: HourTable) -> bool:
    """Say whether a name has its own count in this hour; a new one gets it while there is room."""
    where = (table.__tablename__, key[0], key[1], name)
    names = known_names.get(where)
    if names is None:
        names = set()
        known_names.put(where, names)
    mark = hash(key[place])
    if mark not in names and len(names) >= MOST[name]:
        return False
    names.add(mark)
    return True


def write(session: Session, sums: Mapping[Key, Sums], table: HourTable = UsageHour) -> None:
    """Add the sums to their rows, with no more names in an hour than it has room for."""
    put(session, folded((guarded(key, table), added) for key, added in sums.items()), table)


def put(session: Session, sums: Mapping[Key, Sums], table: HourTable) -> None:
    """Add the sums to their rows, always in the same order: then writers cannot block each other for good."""
    names = ("id", *DIMENSIONS, *SUMS)
    rows = [dict(zip(names, (new_id(), *key, *sums[key]), strict=True)) for key in sorted(sums)]
    sum_rows.add(session, table, DIMENSIONS, SUMS, rows)


def correct(session: Session, record: RecordRow, cost_nano_usd: int) -> None:
    """Count a record as having cost this, before it is changed to say so."""
    if record.source in APART:
        return
    row = {column.key: getattr(record, column.key) for column in RecordRow.__table__.columns}
    was = record.cost_nano_usd
    more = {"unpriced": -int(was is None), "cost_nano_usd": cost_nano_usd - (was or 0)}
    write(session, {key_of(row): tuple(more.get(name, 0) for name in SUMS)})


def rebuild(hours: Iterable[datetime]) -> None:
    """Count these clock hours again from their records, each in a transaction of its own."""
    for start in map(start_of, hours):
        database.transaction(lambda session, hour=start: rebuild_hour(session, hour))  # type: ignore[misc]


def rebuild_hour(session: Session, hour: datetime) -> None:
    """Replace one hour's rows. Writers wait meanwhile: each is counted here, or adds itself after."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE usage_hours IN SHARE ROW EXCLUSIVE MODE"))
    workspaces = list(session.scalars(select(Workspace.id)))
    mine = UsageHour.workspace_id.in_(workspaces)  # the index begins with it
    session.execute(delete(UsageHour).where(mine, UsageHour.starts_at == hour))
    for workspace_id, name in product(workspaces, MOST):
        known_names.drop((UsageHour.__tablename__, workspace_id, hour, name))
    write(session, folded(recounted(session, hour)))


def recounted(session: Session, hour: datetime) -> Iterator[tuple[Key, Sums]]:
    """Add up the records of one hour that were metered."""
    columns = [getattr(RecordRow, name) for name in RECOUNTED]
    within = RecordRow.created_at >= hour, RecordRow.created_at < hour + HOUR
    metered = RecordRow.source.not_in(APART), RecordRow.workspace_id.in_(select(Workspace.id))
    query = select(*columns, *summed()).where(*within, *metered)
    for row in session.execute(query.group_by(*columns).order_by(*columns)):
        yield key_of({**row._mapping, "created_at": hour}), numbers(row[len(columns) :])


def numbers(row: Sequence[Any]) -> Sums:
    """Return sums that a query found: PostgreSQL adds up in decimals."""
    return tuple(map(int, row))


def summed() -> list[ColumnElement[int]]:
    """Return `sums_of` in SQL."""
    return [
        func.count(),
        func.sum(case((RecordRow.outcome.in_(FAILED), 1), else_=0)),
        func.sum(case((RecordRow.error_code.in_(BLOCKED), 1), else_=0)),
        func.sum(case((RecordRow.cost_nano_usd.is_(None), 1), else_=0)),
        func.sum(RecordRow.input_tokens),
        func.sum(RecordRow.output_tokens),
        func.sum(func.coalesce(RecordRow.cost_nano_usd, 0)),
        func.sum(func.coalesce(RecordRow.savings_nano_usd, 0)),
    ]


def fill(most_hours: int = 2_000) -> int:
    """Count what was recorded before usage was counted by hour, newest first; return how many hours it did.

    The oldest hour that is counted may be so only in part, so it comes first. Safe to run at any time and
    to break off: it goes on where the oldest counted hour stands.
    """
    oldest = database.read(oldest_counted)
    before = start_of(datetime.now(UTC)) + HOUR if oldest is None else oldest + HOUR
    if oldest is not None and database.read(lambda session: recorded_before(session, oldest)) is None:
        return 0
    for done in range(most_hours):
        hour = database.read(lambda session, b=before: recorded_before(session, b))  # type: ignore[misc]
        if hour is None:
            return done
        rebuild([hour])
        before = hour
    return most_hours


def oldest_counted(session: Session) -> datetime | None:
    """Return the oldest hour that has rows."""
    first = select(func.min(UsageHour.starts_at)).where(UsageHour.workspace_id == Workspace.id)
    found = session.scalars(select(first.scalar_subquery()).select_from(Workspace))
    return min((at for at in found if at is not None), default=None)


def recorded_before(session: Session, before: datetime) -> datetime | None:
    """Return the last hour before `before` that has records and is still to be kept."""
    since = kept_since() + HOUR
    within = RecordRow.created_at >= since, RecordRow.created_at < before
    at = session.scalar(select(func.max(RecordRow.created_at)).where(*within))
    return None if at is None else start_of(at)


def kept_since() -> datetime:
    """Return the oldest hour that is kept."""
    return start_of(datetime.now(UTC) - KEPT)


def purge() -> None:
    """Forget hours that are too long ago."""

    def work(session: Session) -> None:
        for table in (UsageHour, ReportedHour):
            mine = table.workspace_id.in_(select(Workspace.id))
            session.execute(delete(table).where(mine, table.starts_at < kept_since()))

    database.transaction(work)
