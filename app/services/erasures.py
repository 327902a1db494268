"""End users erased on request: what is kept of them goes, the sums stay as they are; in small batches."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, null, select, tuple_, update
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.callers import Caller
from app.domain.errors import InvalidInput
from app.models import ChatSession, IdempotencyKey, Memory, RecordRow, ReportedHour, Reservation, UsageHour
from app.models.usage import DIMENSIONS
from app.services import access, alert_erasures, audit, queue
from app.services.key_api import actor_of
from app.services.usage_hours import COLLECTED, ERASED, SUMS, HourTable, folded, put

BATCH = 500
SECONDS = 10.0  # for which somebody waits
JOB_SECONDS = 60.0  # for one turn of the job, which calls itself again
JOB = "app.jobs.end_users.erase"
LONGEST_NAME = 200
USER_PLACE = DIMENSIONS.index("end_user")


@dataclass(frozen=True, slots=True)
class Who:
    """An end user of a workspace, or only of one project or one sub-account's calls in it."""

    workspace_id: str
    name: str
    project_id: str | None = None
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class Erased:
    """How much was erased. `is_done`: nothing is left; else it goes on in the background."""

    requests: int = 0
    conversations: int = 0
    memories: int = 0
    is_done: bool = True


def erase(actor: Actor, workspace_id: str, name: str, seconds: float = SECONDS) -> Erased:
    """Erase an end user of the whole workspace. Admins may."""
    who = Who(workspace_id, checked(name))

    def begin(session: Session) -> bool:
        access.require(session, actor, workspace_id, "admin")
        return note(session, actor, who)

    return run(who, seconds) if database.transaction(begin) else Erased()


def erase_own(caller: Caller, name: str) -> Erased:
    """Erase an end user of the key's project; a sub-account's key erases only what its calls left."""
    of_root = caller.account_id == caller.payer_id
    account_id = None if of_root else caller.account_id
    who = Who(caller.workspace_id, checked(name), caller.project_id, account_id)
    known = database.transaction(lambda session: note(session, actor_of(caller), who))
    return run(who, SECONDS) if known else Erased()


def checked(name: str) -> str:
    """Return an end user's name."""
    if not name or name in COLLECTED:
        raise InvalidInput("Say whom to erase, by the name that your application sends.", param="end_user")
    if len(name) > LONGEST_NAME or "\x00" in name:
        raise InvalidInput(f"An end user's name has at most {LONGEST_NAME} characters.", param="end_user")
    return name


def note(session: Session, actor: Actor, who: Who) -> bool:
    """Say whether anything is known of them; if so, the audit log tells of the erasure, without the name."""
    tables: tuple[Any, ...] = (RecordRow, UsageHour, ReportedHour, Memory)
    known = any(session.scalar(select(exists().where(*mine(table, who)))) for table in tables)
    if known:
        change = audit.Change("end_user.erase", who.project_id, mark_of(who), {})
        audit.write(session, actor, who.workspace_id, change)
        alert_erasures.forget(session, who.workspace_id, who.name, who.project_id)
    return known


def mark_of(who: Who) -> str:
    """Return by what an erased end user is told in the audit log: nobody can read the name out of it."""
    told = f"{who.workspace_id}\x00{who.name}".encode(errors="replace")
    return hashlib.sha256(told).hexdigest()[:12]


def mine(table: Any, who: Who) -> list[ColumnElement[bool]]:
    """Match the rows of a table that name the end user."""
    found = [table.workspace_id == who.workspace_id, table.end_user == who.name]
    if who.project_id is not None:
        found.append(table.project_id == who.project_id)
    if who.account_id is not None and table is not Memory:
        found.append(table.account_id == who.account_id)
    return found


def run(who: Who, seconds: float) -> Erased:
    """Erase batch by batch; what is left when the time is over is left to the job."""
    until, done = time.monotonic() + seconds, Erased(is_done=False)
    while not done.is_done and time.monotonic() < until:
        done = erase_some(who, done)
    if not done.is_done:
        queue.ring(JOB, who.workspace_id, who.name, who.project_id or "", who.account_id or "")
    return done


def erase_some(who: Who, so_far: Erased) -> Erased:
    """Erase one batch in a transaction of its own, so that nobody waits for it long."""
    return database.transaction(lambda session: batch(session, who, so_far))


def go_on(workspace_id: str, name: str, project_id: str, account_id: str) -> Erased:
    """Go on erasing, in the background."""
    return run(Who(workspace_id, name, project_id or None, account_id or None), JOB_SECONDS)


def batch(session: Session, who: Who, so_far: Erased) -> Erased:
    """Erase some of what is left; return what is erased by now."""
    rows = session.execute(
        select(RecordRow.created_at, RecordRow.id, RecordRow.session_id, RecordRow.guardrails)
        .where(*mine(RecordRow, who))
        .order_by(RecordRow.created_at, RecordRow.id)
        .limit(BATCH)
    ).all()
    conversations = forget_requests(session, who, rows) if rows else 0
    done = replace(
        so_far,
        requests=so_far.requests + len(rows),
        conversations=so_far.conversations + conversations,
    )
    if len(rows) == BATCH or fold(session, UsageHour, who) or fold(session, ReportedHour, who):
        return done
    gone = session.execute(delete(Memory).where(*mine(Memory, who)))
    return replace(done, memories=int(gone.rowcount), is_done=True)  # type: ignore[attr-defined]


def forget_requests(session: Session, who: Who, rows: Any) -> int:
    """Forget whose these records are and what was said in them; return how many conversations went."""
    keys, ids = [(row.created_at, row.id) for row in rows], [row.id for row in rows]
    gone = {"end_user": ERASED, "context": null(), "content": null()}
    session.execute(
        update(RecordRow).where(tuple_(RecordRow.created_at, RecordRow.id).in_(keys)).values(gone)
    )
    for row in rows:
        if row.guardrails:
            told = [{**verdict, "detail": ""} for verdict in row.guardrails]
            this = RecordRow.created_at == row.created_at, RecordRow.id == row.id
            session.execute(update(RecordRow).where(*this).values(guardrails=told))
    ended = Reservation.id.in_(ids), Reservation.state != "held"
    session.execute(update(Reservation).where(*ended).values(about={}))
    session.execute(update(IdempotencyKey).where(IdempotencyKey.request_id.in_(ids)).values(answer=None))
    sessions = {row.session_id for row in rows if row.session_id}
    own = ChatSession.workspace_id == who.workspace_id, ChatSession.id.in_(sessions)
    return int(session.execute(delete(ChatSession).where(*own)).rowcount)  # type: ignore[attr-defined]


def fold(session: Session, table: HourTable, who: Who) -> int:
    """Count some of the end user's hours as "(erased)"; no sum changes. Return how many rows they were."""
    columns = [getattr(table, name) for name in (*DIMENSIONS, *SUMS)]
    query = select(*columns, table.id).where(*mine(table, who)).order_by(table.starts_at, table.id)
    rows = session.execute(query.limit(BATCH).with_for_update()).all()
    if rows:
        session.execute(delete(table).where(table.id.in_([row.id for row in rows])))
        place = len(DIMENSIONS)
        sums = ((renamed(row[:place]), tuple(row[place:-1])) for row in rows)
        put(session, folded(sums), table)
    return len(rows)


def renamed(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the same place in the sums, of no one in particular."""
    return (*key[:USER_PLACE], ERASED, *key[USER_PLACE + 1 :])
