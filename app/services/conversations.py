"""Conversations that the gateway keeps: read and erased, by the key that began them and in the dashboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Uuid, delete, func, literal, select, tuple_
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.callers import Caller
from app.domain.endpoint_errors import SessionExpired, SessionForbidden
from app.domain.errors import NotFound
from app.domain.ids import is_uuid
from app.models import ChatSession, ChatTurn, Endpoint, Key, User
from app.models.columns import UtcDateTime, utc_now
from app.services import access, audit, chat_sessions

BATCH = 500
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Conversation:
    """A session with who holds it: the name of a key, or somebody's address. `slug`: its endpoint's."""

    session: ChatSession
    owner: str
    slug: str

    @property
    def is_persons(self) -> bool:
        """Say whether somebody began it in the dashboard."""
        return self.session.key_id is None


@dataclass(frozen=True, slots=True)
class Page:
    """Some conversations, the last used first, and the ids beside which the pages next to it lie."""

    conversations: list[Conversation]
    newer: str | None
    older: str | None


def own(caller: Caller, session_id: str) -> dict[str, Any]:
    """Return a conversation to the key that began it; raise SessionForbidden or SessionExpired."""

    def work(session: Session) -> dict[str, Any] | None:
        row = owned_by_key(session, caller, session_id)
        if row.expires_at <= utc_now():
            remove(session, row.id)
            return None
        slug = session.scalar(select(Endpoint.slug).where(Endpoint.id == row.endpoint_id))
        return {
            "session_id": row.id,
            "endpoint": slug,
            "messages": chat_sessions.history_of(session, row.id),
            "tokens": row.tokens,
            "created_at": row.created_at.isoformat(),
            "used_at": row.used_at.isoformat(),
            "expires_at": row.expires_at.isoformat(),
        }

    told = database.transaction(work)
    if told is None:
        raise SessionExpired
    return told


def erase_own(caller: Caller, session_id: str) -> dict[str, Any]:
    """Erase a conversation for the key that began it; raise SessionForbidden."""

    def work(session: Session) -> None:
        remove(session, owned_by_key(session, caller, session_id).id)

    database.transaction(work)
    return {"session_id": session_id, "deleted": True}


def owned_by_key(session: Session, caller: Caller, session_id: str) -> ChatSession:
    """Return the key's own session, locked; whose else it is, or whether it is there, is not told."""
    row = session.get(ChatSession, session_id, with_for_update=True)
    if row is None or row.project_id != caller.project_id or row.key_id != caller.key_id:
        raise SessionForbidden
    return row


def remove(session: Session, session_id: str) -> None:
    """Delete a session with its turns; a call that is under way keeps nothing."""
    session.execute(delete(ChatSession).where(ChatSession.id == session_id))


def list_page(
    actor: Actor,
    workspace_id: str,
    endpoint_id: str,
    *,
    before_id: str | None = None,
    after_id: str | None = None,
) -> Page:
    """Return an endpoint's conversations, those right before or after a given one. Any member."""

    def work(session: Session) -> list[Conversation]:
        access.require(session, actor, workspace_id, "viewer")
        query = kept().where(ChatSession.workspace_id == workspace_id, ChatSession.endpoint_id == endpoint_id)
        rows = session.execute(beside(session, query, before_id, after_id).limit(PAGE_SIZE + 1))
        return [Conversation(row[0], row[1], row[2]) for row in rows]

    found = database.read(work)
    more = len(found) > PAGE_SIZE
    shown = found[:PAGE_SIZE][::-1] if after_id else found[:PAGE_SIZE]
    newer = bool(shown) and (before_id is not None or (after_id is not None and more))
    older = bool(shown) and (more or after_id is not None)
    return Page(shown, shown[0].session.id if newer else None, shown[-1].session.id if older else None)


def kept() -> Select[ChatSession, str, str]:
    """Return the query of the conversations that have not expired, with the names of who holds them."""
    owner = func.coalesce(Key.name, User.email, "")
    return (
        select(ChatSession, owner, Endpoint.slug)
        .join(Endpoint, Endpoint.id == ChatSession.endpoint_id)
        .outerjoin(Key, Key.id == ChatSession.key_id)
        .outerjoin(User, User.id == ChatSession.user_id)
        .where(ChatSession.expires_at > utc_now())
    )


def beside(
    session: Session,
    query: Select[ChatSession, str, str],
    before_id: str | None,
    after_id: str | None,
) -> Select[ChatSession, str, str]:
    """Begin the query beside a conversation, in either direction; at the newest where that one is gone."""
    place = tuple_(ChatSession.used_at, ChatSession.id)
    given = after_id or before_id
    row = session.get(ChatSession, given) if given else None
    if row is not None:
        edge = tuple_(literal(row.used_at, UtcDateTime()), literal(row.id, Uuid(as_uuid=False)))
        if after_id:
            return query.where(place > edge).order_by(ChatSession.used_at, ChatSession.id)
        query = query.where(place < edge)
    return query.order_by(ChatSession.used_at.desc(), ChatSession.id.desc())


def find(actor: Actor, workspace_id: str, session_id: str) -> tuple[Conversation, list[ChatTurn]]:
    """Return a conversation with its finished turns, to read. Editors may."""

    def work(session: Session) -> tuple[Conversation, list[ChatTurn]]:
        access.require(session, actor, workspace_id, "editor")
        found = owned(session, workspace_id, session_id)
        done = ChatTurn.session_id == session_id, ChatTurn.state == "done"
        turns = session.scalars(select(ChatTurn).where(*done).order_by(ChatTurn.number))
        return found, list(turns)

    return database.read(work)


def owned(session: Session, workspace_id: str, session_id: str) -> Conversation:
    """Return a conversation of the workspace; raise NotFound, also for one that has expired."""
    mine = ChatSession.id == session_id, ChatSession.workspace_id == workspace_id
    row = session.execute(kept().where(*mine)).first() if is_uuid(session_id) else None
    if row is None:
        raise NotFound("There is no such conversation. It may have expired.")
    return Conversation(row[0], row[1], row[2])


def erase_one(actor: Actor, workspace_id: str, session_id: str) -> Conversation:
    """Erase a conversation; return what it was. Editors may."""

    def work(session: Session) -> Conversation:
        access.require(session, actor, workspace_id, "editor")
        found = owned(session, workspace_id, session_id)
        change = audit.Change("session.erase", found.session.endpoint_id, found.slug, {})
        audit.write(session, actor, workspace_id, change)
        remove(session, session_id)
        return found

    return database.transaction(work)


def erase_all(actor: Actor, workspace_id: str, endpoint_id: str) -> int:
    """Erase every conversation of an endpoint; return how many they were. Editors may."""

    def work(session: Session) -> int:
        access.require(session, actor, workspace_id, "editor")
        endpoint = session.get(Endpoint, endpoint_id) if is_uuid(endpoint_id) else None
        if endpoint is None or endpoint.workspace_id != workspace_id:
            raise NotFound("There is no such endpoint.")
        gone = session.execute(delete(ChatSession).where(ChatSession.endpoint_id == endpoint.id))
        count = int(gone.rowcount)  # type: ignore[attr-defined]
        if count:
            change = audit.Change("session.erase_all", endpoint.id, endpoint.slug, {})
            audit.write(session, actor, workspace_id, change)
        return count

    return database.transaction(work)


def purge() -> None:
    """Erase the conversations whose time is over, some at a time."""
    while database.transaction(purge_some):
        pass


def purge_some(session: Session) -> int:
    """Erase a batch of the conversations whose time is over; return how many they were."""
    over = select(ChatSession.id).where(ChatSession.expires_at < utc_now()).limit(BATCH)
    gone = session.execute(
        delete(ChatSession)
        .where(ChatSession.id.in_(over.scalar_subquery()))
        .execution_options(synchronize_session=False)
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]
