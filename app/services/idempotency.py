"""Idempotency-Key: the same request, sent again, is answered once and charged once (reliability 1.11)."""

from __future__ import annotations

import hashlib
import logging
import re
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.database import database, insert_into
from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.errors import (
    GatewayError,
    IdempotencyConflict,
    InvalidInput,
    InvalidRequest,
    Replayed,
    ResultNotStored,
)
from app.domain.ids import new_id
from app.domain.policies.errors import RequestIdUsed
from app.domain.records import Record
from app.models import IdempotencyKey

log = logging.getLogger(__name__)
HEADER, REQUEST_ID = "Idempotency-Key", "x-kagu-request-id"
ACCEPTED = re.compile(r"[\x21-\x7e]{1,255}")
KEPT_FOR, REQUEST_IDS_KEPT_FOR = timedelta(hours=24), timedelta(days=30)
MOST_BYTES = 256 * 1024
WAIT_SECONDS = 2


def is_asked_for(call: Call) -> bool:
    """Say whether the request carries a key; InvalidRequest when it is not a usable one."""
    return key_of(call) is not None


def key_of(call: Call) -> str | None:
    """Return under which name the request is to be carried out once; with a policy, its own id comes first.

    No Idempotency-Key has a space in it, so the two cannot meet.
    """
    if call.shadow_of is not None:
        return None
    if call.by_policy and (own := call.headers.get(REQUEST_ID)) is not None:
        return f"{REQUEST_ID} {own}"
    key = call.headers.get(HEADER)
    if key is None:
        return None
    if not ACCEPTED.fullmatch(key):
        raise InvalidRequest(f"'{HEADER}' must be 1 to 255 visible ASCII characters.", param=HEADER)
    return key


def keeps_answer(call: Call) -> bool:
    """Say whether the answer would be kept under an Idempotency-Key; under the request's own id none is."""
    key = key_of(call)
    return key is not None and " " not in key


def fingerprint(call: Call) -> str:
    """Return what tells one request from another: route, target and body."""
    where = "\n".join((call.surface, call.dialect, call.project_id or "", call.slug or "", call.path))
    return hashlib.sha256(where.encode() + b"\n" + call.raw_body).hexdigest()


def claim(session: Session, record: Record) -> None:
    """Take the key for this request, in the transaction of its hold; nothing to do without one.

    Raises Replayed with the stored answer, IdempotencyConflict while the first one is under way or when its
    answer was not kept, InvalidInput for another request under the same key.
    """
    call, caller = record.call, record.caller
    key = key_of(call)
    if key is None or caller is None:
        return
    if not take(session, caller, key, fingerprint(call), call.request_id):
        if " " in key:
            raise RequestIdUsed
        raise answer_again(held_by(session, caller, key), call)


def take(session: Session, caller: Caller, key: str, mark: str, request_id: str) -> bool:
    """Take a name in the caller's project for a request with this fingerprint; False: it is another's."""
    now, kept_for = datetime.now(UTC), REQUEST_IDS_KEPT_FOR if " " in key else KEPT_FOR
    mine = IdempotencyKey.project_id == caller.project_id, IdempotencyKey.key == key
    session.execute(delete(IdempotencyKey).where(*mine, IdempotencyKey.expires_at < now))
    values = {
        "id": new_id(),
        "workspace_id": caller.workspace_id,
        "project_id": caller.project_id,
        "key": key,
        "fingerprint": mark,
        "request_id": request_id,
        "created_at": now,
        "expires_at": now + kept_for,
    }
    statement = insert_into(session, IdempotencyKey).values(**values).on_conflict_do_nothing()
    return session.scalar(statement.returning(IdempotencyKey.id)) is not None


def held_by(session: Session, caller: Caller, key: str) -> IdempotencyKey | None:
    """Return what is known of the request that took a name."""
    mine = IdempotencyKey.project_id == caller.project_id, IdempotencyKey.key == key
    return session.scalars(select(IdempotencyKey).where(*mine)).first()


def claim_report(session: Session, caller: Caller, own_id: str, mark: str, record_id: str) -> str:
    """Take the client's own id for what it reports; return under which record it counts: this, or one before.

    Raises RequestIdUsed where the id was used for something else.
    """
    key = f"{REQUEST_ID} {own_id}"
    if take(session, caller, key, mark, record_id):
        finish(session, record_id, charged=True)
        return record_id
    row = held_by(session, caller, key)
    if row is None or row.fingerprint != mark:
        raise RequestIdUsed("This request id was used before, with other content. Send a new one.")
    return row.request_id


def answer_again(row: IdempotencyKey | None, call: Call) -> GatewayError:
    """Return what a request gets whose key is taken; no row: it was freed a moment ago."""
    if row is None:
        return IdempotencyConflict(retry_after_seconds=1)
    if row.fingerprint != fingerprint(call):
        return InvalidInput(f"This {HEADER} was used for another request. Use a new one.", param=HEADER)
    if row.state == "in_flight":
        return IdempotencyConflict(retry_after_seconds=WAIT_SECONDS)
    if row.answer is None or row.status is None:
        text = f"This request was answered already, as {row.request_id}; its answer was not stored."
        return ResultNotStored(text)
    return Replayed(row.status, row.content_type or "", row.answer, row.request_id)


def use_up(record: Record) -> None:
    """Take the request's own id where nothing is held, for an answer that costs nothing; or RequestIdUsed."""
    if not is_asked_for(record.call):
        return

    def work(session: Session) -> None:
        claim(session, record)
        finish(session, record.call.request_id, charged=True)

    database.transaction(work)


def finish(session: Session, request_id: str, *, charged: bool) -> None:
    """Mark the request's key as done, or free it when nothing came of the request."""
    mine = IdempotencyKey.request_id == request_id
    if charged:
        session.execute(update(IdempotencyKey).where(mine).values(state="done"))
    else:
        session.execute(delete(IdempotencyKey).where(mine, IdempotencyKey.state == "in_flight"))


def keep(record: Record, status: int, content_type: str, answer: bytes) -> None:
    """Store the answer of a request that carried a key, if it is not too large; never raises.

    The call is settled by then: whoever paid for the answer gets it, stored or not. An answer in which a
    guardrail put back what it had hidden is not stored: that never leaves the process.
    """
    call = record.call
    if not keeps_answer(call) or len(answer) > MOST_BYTES:
        return
    if record.guarding is not None and record.guarding.vault:
        return
    statement = (
        update(IdempotencyKey)
        .where(IdempotencyKey.request_id == call.request_id)
        .values(status=status, content_type=content_type[:100], answer=answer, state="done")
    )
    try:
        database.transaction(lambda session: session.execute(statement))
    except Exception as error:
        log.error("answer of call %s not stored: %s", call.request_id, type(error).__name__)


def purge() -> None:
    """Forget keys past their time."""
    old = delete(IdempotencyKey).where(IdempotencyKey.expires_at < datetime.now(UTC))
    database.transaction(lambda session: session.execute(old))
