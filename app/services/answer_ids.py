"""Which answers a project received: `previous_response_id` may only continue one of its own."""

from __future__ import annotations

import time

from sqlalchemy import select

from app.database import database
from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.errors import InvalidRequest
from app.domain.records import Record
from app.models import RecordRow
from app.services.cache import Cache

NAME = "previous_response_id"
TRIES = 4  # a record is written within a second of its answer
PAUSE_SECONDS = 0.2
_own: Cache[tuple[str, str], int] = Cache(20_000)


def note(record: Record) -> None:
    """Remember the id of an answer at once: its record is written a moment later."""
    if record.answer_id and record.caller and record.usage:
        tokens = record.usage.input_tokens + record.usage.output_tokens
        _own.put((record.caller.project_id, record.answer_id), tokens)


def history_tokens(caller: Caller, call: Call) -> int:
    """Return the tokens of the answer that the body continues; raise InvalidRequest for another's."""
    answer_id = call.body.get(NAME)
    if answer_id is None:
        return 0
    known = find(caller, answer_id) if isinstance(answer_id, str) and len(answer_id) <= 128 else None
    if known is None:
        text = f"'{NAME}' must name an answer that this project received through this gateway."
        raise InvalidRequest(text, param=NAME)
    return known


def find(caller: Caller, answer_id: str) -> int | None:
    """Return the tokens of an answer of this project; None when there is none."""
    for attempt in range(TRIES):
        known = _own.get((caller.project_id, answer_id))
        known = read(caller, answer_id) if known is None else known
        if known is not None:
            return known
        if attempt + 1 < TRIES:
            time.sleep(PAUSE_SECONDS)
    return None


def read(caller: Caller, answer_id: str) -> int | None:
    """Return the tokens on the answer's record."""
    mine = RecordRow.project_id == caller.project_id, RecordRow.upstream_id == answer_id
    query = select(RecordRow.input_tokens + RecordRow.output_tokens).where(*mine).limit(1)
    return database.read(lambda session: session.scalar(query))
