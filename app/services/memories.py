"""What the memory plugin keeps of end users: told to the model, added after an answer, shown and erased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.callers import Caller
from app.domain.errors import NotFound
from app.domain.ids import is_uuid
from app.models import Memory
from app.services import access, audit, projects

MOST_READ = 1_000
PAGE = 200


@dataclass(frozen=True, slots=True)
class EndUser:
    """Somebody of whom a project remembers something."""

    name: str
    memories: int
    last_at: datetime


def of_user(caller: Caller, end_user: str) -> list[Memory]:
    """Return what the caller's project remembers of somebody, newest first."""
    return database.read(lambda session: newest(session, caller.project_id, end_user))


def newest(session: Session, project_id: str, end_user: str) -> list[Memory]:
    """Return what a project remembers of somebody, newest first."""
    query = (
        select(Memory)
        .where(*about(project_id, end_user))
        .order_by(Memory.created_at.desc(), Memory.id.desc())
    )
    return list(session.scalars(query.limit(MOST_READ)))


def about(project_id: str, end_user: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the condition: this project's memories of this user, and nobody else's."""
    return Memory.project_id == project_id, Memory.end_user == end_user


def remember(caller: Caller, end_user: str, texts: Sequence[str], most: int) -> int:
    """Keep what is new of these texts; the oldest go when there are more than `most`. Return how many."""

    def work(session: Session) -> int:
        kept = newest(session, caller.project_id, end_user)
        known = {row.content.casefold() for row in kept}
        fresh = [text for text in texts if text.casefold() not in known]
        for text in fresh:
            owner = {"workspace_id": caller.workspace_id, "project_id": caller.project_id}
            session.add(Memory(**owner, end_user=end_user, content=text))
        for row in kept[max(0, most - len(fresh)) :]:
            session.delete(row)
        return len(fresh)

    return database.transaction(work)


def forget_user(caller: Caller, end_user: str) -> int:
    """Erase all that the caller's project remembers of somebody; return how much it was."""
    return database.transaction(lambda session: erase(session, caller.project_id, end_user))


def erase(session: Session, project_id: str, end_user: str) -> int:
    """Erase all that a project remembers of somebody."""
    gone = session.execute(delete(Memory).where(*about(project_id, end_user)))
    return int(gone.rowcount)  # type: ignore[attr-defined]


def list_users(actor: Actor, workspace_id: str, project_id: str, query: str = "") -> list[EndUser]:
    """Return of whom a project remembers something, the latest first. Any member."""

    def work(session: Session) -> list[EndUser]:
        access.require(session, actor, workspace_id, "viewer")
        projects.owned(session, workspace_id, project_id)
        last = func.max(Memory.created_at)
        found = (
            select(Memory.end_user, func.count(), last)
            .where(Memory.project_id == project_id, Memory.end_user.contains(query, autoescape=True))
            .group_by(Memory.end_user)
            .order_by(last.desc())
            .limit(PAGE)
        )
        return [EndUser(*row) for row in session.execute(found)]

    return database.read(work)


def list_of(actor: Actor, workspace_id: str, project_id: str, end_user: str) -> list[Memory]:
    """Return what a project remembers of somebody, newest first. Any member."""

    def work(session: Session) -> list[Memory]:
        access.require(session, actor, workspace_id, "viewer")
        projects.owned(session, workspace_id, project_id)
        return newest(session, project_id, end_user)

    return database.read(work)


def erase_one(actor: Actor, workspace_id: str, memory_id: str) -> Memory:
    """Erase one memory; return what it was. Editors and up."""

    def work(session: Session) -> Memory:
        access.require(session, actor, workspace_id, "editor")
        row = session.get(Memory, memory_id) if is_uuid(memory_id) else None
        if row is None or row.workspace_id != workspace_id:
            raise NotFound("There is no such memory.")
        session.delete(row)
        audit.write(session, actor, workspace_id, audit.Change("memory.erase", row.id, row.end_user, {}))
        return row

    return database.transaction(work)


def erase_all(actor: Actor, workspace_id: str, project_id: str, end_user: str) -> int:
    """Erase all that a project remembers of somebody. Editors and up."""

    def work(session: Session) -> int:
        access.require(session, actor, workspace_id, "editor")
        projects.owned(session, workspace_id, project_id)
        count = erase(session, project_id, end_user)
        if count:
            change = audit.Change("memory.forget", project_id, end_user, {})
            audit.write(session, actor, workspace_id, change)
        return count

    return database.transaction(work)
