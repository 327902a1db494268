"""The turns of conversations that the gateway keeps: each is opened before its call and ended after it (P16).

Both happen in the call's own money transactions. The lock of the session's row comes first, before account
and budget periods: turns are numbered, run and kept in the order in which they came, over all workers.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import gevent
import gevent.monkey
from sqlalchemy import ColumnElement, delete, exists, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.database import after_commit, database
from app.domain import prompts, session_turns
from app.domain.bodies import encoded
from app.domain.chat_sessions import Held, SessionSettings, check_room, resumed_id
from app.domain.endpoint_errors import SessionBusy, SessionForbidden
from app.domain.errors import Overloaded
from app.domain.record_parts import Session as Turn
from app.domain.records import Record
from app.domain.rollouts import conversation_id
from app.domain.session_turns import TurnEnd
from app.domain.stored_texts import without_nul
from app.models import ChatSession, ChatTurn
from app.models.columns import utc_now
from app.services import session_waits

log = logging.getLogger(__name__)
RUNS_FOR = timedelta(seconds=660)  # the longest call and a minute, like its hold
WAITS_FOR = timedelta(seconds=90)  # longer than anybody waits for their turn
RETRY_SECONDS = 30.0
RETRY_PAUSE_SECONDS = 0.5
MOST_OPEN = 16  # of one session: the one that runs, and those that wait


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of opening a turn: it goes on, or others are before it, or its session has expired."""

    turn: Turn | None = None
    session_id: str = ""
    is_expired: bool = False


def open_turn(session: Session, record: Record) -> Opened:
    """Begin the call's turn; raise SessionForbidden, SessionFull or SessionBusy.

    Where others are before it, its place is kept. An expired session is deleted: that must be committed.
    """
    target, now = record.target, utc_now()
    assert target is not None and target.config.session is not None
    settings = target.config.session
    session_id = resumed_id(settings, record.call.body)
    asked = prompts.client_messages(record.call)
    if session_id is None:
        check_room(settings, Held(0, 0, 0), len(asked), len(encoded(asked)))
        return Opened(begin(session, record, now))
    row = session.get(ChatSession, session_id, with_for_update=True)
    if row is None or not belongs(row, record):
        raise SessionForbidden
    if row.expires_at <= now:
        session.execute(delete(ChatSession).where(ChatSession.id == row.id))
        return Opened(is_expired=True)
    check_room(settings, Held(row.messages, row.tokens, row.size_bytes), len(asked), len(encoded(asked)))
    if not take_place(session, row, record, now):
        return Opened(session_id=row.id)
    return Opened(Turn(row.id, history_of(session, row.id)), row.id)


def begin(session: Session, record: Record, now: datetime) -> Turn:
    """Make a session of which the call is the first turn."""
    caller, target = record.caller, record.target
    assert caller is not None and target is not None
    actor = record.call.actor
    row = ChatSession(
        id=conversation_id(target.arm),
        workspace_id=caller.workspace_id,
        project_id=caller.project_id,
        endpoint_id=target.endpoint_id,
        key_id=caller.key_id,
        user_id=actor.id if actor else None,
        used_at=now,
        expires_at=now + RUNS_FOR,
    )
    session.add(row)
    session.flush()
    add_turn(session, row, record, 1, now + RUNS_FOR)
    return Turn(row.id, [], is_new=True)


def belongs(row: ChatSession, record: Record) -> bool:
    """Say whether the session is this caller's, with this endpoint: bound to the key that began it (O42)."""
    caller, target, actor = record.caller, record.target, record.call.actor
    assert caller is not None and target is not None
    owner = caller.project_id, target.endpoint_id, caller.key_id, actor.id if actor else None
    return (row.project_id, row.endpoint_id, row.key_id, row.user_id) == owner


def take_place(session: Session, row: ChatSession, record: Record, now: datetime) -> bool:
    """Say whether it is the call's turn; otherwise its place among those that wait is kept."""
    mine, open_now = record.call.request_id, (ChatTurn.session_id == row.id, ChatTurn.state == "open")
    dead = delete(ChatTurn).where(*open_now, ChatTurn.expires_at <= now, ChatTurn.id != mine)
    session.execute(dead)
    places = list(session.scalars(select(ChatTurn.id).where(*open_now).order_by(ChatTurn.number)))
    is_first = not places or places[0] == mine
    until = now + (RUNS_FOR if is_first else WAITS_FOR)
    if mine not in places:
        if len(places) >= MOST_OPEN:
            raise SessionBusy
        latest = session.scalar(select(func.max(ChatTurn.number)).where(ChatTurn.session_id == row.id))
        add_turn(session, row, record, (latest or 0) + 1, until)
    elif is_first:
        session.execute(update(ChatTurn).where(ChatTurn.id == mine).values(expires_at=until))
    row.expires_at = max(row.expires_at, until)
    return is_first


def add_turn(session: Session, row: ChatSession, record: Record, number: int, until: datetime) -> None:
    """Add the call's turn, open."""
    turn = ChatTurn(
        id=record.call.request_id,
        workspace_id=row.workspace_id,
        session_id=row.id,
        number=number,
        state="open",
        expires_at=until,
    )
    session.add(turn)
    session.flush()


def history_of(session: Session, session_id: str) -> list[dict[str, Any]]:
    """Return what was said in the turns before, in order."""
    done = ChatTurn.session_id == session_id, ChatTurn.state == "done"
    turns = session.scalars(select(ChatTurn.messages).where(*done).order_by(ChatTurn.number))
    return [message for messages in turns for message in messages]


def must_wait(session_id: str, turn_id: str) -> bool:
    """Say whether a turn that has not expired is before this one; a short look, nothing is locked."""
    mine = select(ChatTurn.number).where(ChatTurn.id == turn_id).scalar_subquery()
    before: tuple[ColumnElement[bool], ...] = (
        ChatTurn.session_id == session_id,
        ChatTurn.state == "open",
        ChatTurn.expires_at > utc_now(),
        ChatTurn.number < mine,
    )
    return bool(database.read(lambda session: session.scalar(select(exists().where(*before)))))


def end_turn(session: Session, ended: TurnEnd) -> None:
    """Keep what was said, or give the turn's place up; once: an erased or expired turn stays away."""
    row = session.get(ChatSession, ended.session_id, with_for_update=True)
    after_commit(session, lambda: session_waits.wake(ended.session_id))
    if row is None:
        return
    still_open = ChatTurn.id == ended.turn_id, ChatTurn.state == "open"
    if ended.messages:
        keep(session, row, ended, still_open)
    else:
        session.execute(delete(ChatTurn).where(*still_open))
    row.used_at = now = utc_now()
    row.expires_at = now + timedelta(seconds=ended.ttl_seconds)
    if not session.scalar(select(exists().where(ChatTurn.session_id == row.id))):
        session.execute(delete(ChatSession).where(ChatSession.id == row.id))  # its first turn came to nothing


def keep(
    session: Session, row: ChatSession, ended: TurnEnd, still_open: tuple[ColumnElement[bool], ...]
) -> None:
    """Store the turn's messages and count them."""
    messages = storable(ended.messages)
    values = {"state": "done", "messages": messages, "tokens": ended.tokens}
    done = session.execute(update(ChatTurn).where(*still_open).values(**values))
    if done.rowcount:  # type: ignore[attr-defined]
        row.messages += len(messages)
        row.tokens += ended.tokens
        row.size_bytes += len(encoded(messages))


def storable(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages as every database takes them: they must not stand in the way of the charge."""
    raw = json.dumps(messages, ensure_ascii=False).encode("utf-8", "replace")
    return list(without_nul(json.loads(raw)))


def give_up(record: Record, session_id: str) -> None:
    """Take back the place of a call that waited for its turn in vain; what fails expires by itself."""
    settings = settings_of(record)
    ended = TurnEnd(session_id, record.call.request_id, (), 0, settings.ttl_seconds)
    try:
        database.transaction(lambda session: end_turn(session, ended))
    except Exception as error:
        log.error("turn %s not given up: %s", ended.turn_id, type(error).__name__)


def settings_of(record: Record) -> SessionSettings:
    """Return how the endpoint keeps conversations."""
    assert record.target is not None and record.target.config.session is not None
    return record.target.config.session


def end(record: Record) -> None:
    """End the turn of a call that holds no money, in a transaction of its own; never raises."""
    ended = session_turns.end_of(record)
    if ended is None:
        return
    try:
        database.transaction(lambda session: end_turn(session, ended))
    except Exception as error:
        log.error("turn %s not kept yet: %s", ended.turn_id, type(error).__name__)
        if gevent.monkey.is_module_patched("socket"):
            gevent.spawn(end_later, ended)


def end_later(ended: TurnEnd) -> None:
    """Try again for half a minute; meanwhile the turn stays open, and those after it wait."""
    until = time.monotonic() + RETRY_SECONDS
    while time.monotonic() < until:
        gevent.sleep(RETRY_PAUSE_SECONDS)
        try:
            database.transaction(lambda session: end_turn(session, ended))
            return
        except (SQLAlchemyError, Overloaded):
            continue
    log.error("turn %s is lost", ended.turn_id)
