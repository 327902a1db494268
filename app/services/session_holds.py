"""A call of a conversation waits for its turn, then opens it in the one transaction that holds its money.

Whatever is refused there leaves nothing of the turn. No connection is held while a call waits.
"""

from __future__ import annotations

import time
from contextlib import nullcontext

from sqlalchemy.orm import Session

from app.database import database
from app.domain import session_turns
from app.domain.endpoint_errors import SessionBusy, SessionExpired
from app.domain.errors import BudgetExceeded, QuotaExceeded
from app.domain.holds import FREELY, Hold, Terms, cap_per_request, longest, quote, terms_of
from app.domain.records import Record
from app.domain.targets import Plan
from app.egress import ended_early
from app.services import (
    chat_sessions,
    holds,
    idempotency,
    periods,
    refusals,
    session_waits,
    turns,
    used_up,
)
from app.services.call_bounds import bound_for
from app.services.chat_sessions import Opened
from app.services.holds import Short
from app.services.reservations import reservation

WAIT_SECONDS = 60.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 1.0


def reserve(record: Record, plan: Plan) -> Hold | None:
    """Open the call's turn where its endpoint keeps conversations, and hold the most that it can cost.

    Raises what `holds.reserve` and `chat_sessions.open_turn` raise, SessionExpired, and SessionBusy when the
    turns before it do not end in time.
    """
    if not session_turns.keeps(record):
        return holds.reserve(record, plan)
    until = time.monotonic() + WAIT_SECONDS
    opened, hold = open_and_hold(record, plan)
    if opened.turn is None:
        opened, hold = wait_and_open(record, plan, opened.session_id, until)
    return hold


def wait_and_open(record: Record, plan: Plan, session_id: str, until: float) -> tuple[Opened, Hold | None]:
    """Wait until the call's turn has come and open it; else give its place up."""
    try:
        while True:
            record.begin("turns")
            wait(record, session_id, until)
            record.begin("hold")
            opened, hold = open_and_hold(record, plan)
            if opened.turn is not None:
                return opened, hold
    except BaseException:
        chat_sessions.give_up(record, session_id)
        raise


def wait(record: Record, session_id: str, until: float) -> None:
    """Look again and again whether a turn is before this one; raise SessionBusy when that takes too long."""
    pause, cancellation = FIRST_PAUSE_SECONDS, record.call.cancellation
    with session_waits.woken(session_id, cancellation) as event:
        while chat_sessions.must_wait(session_id, record.call.request_id):
            left = until - time.monotonic()
            if left <= 0:
                raise SessionBusy
            if event.wait(min(pause, left)):
                event.clear()
            if (early := ended_early(cancellation)) is not None:
                raise early
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def open_and_hold(record: Record, plan: Plan) -> tuple[Opened, Hold | None]:
    """Open the turn and hold for it in one transaction; for a shorter answer where the whole is too dear."""
    caller, target = record.caller, record.target
    assert caller is not None and target is not None
    terms = terms_of(caller, target)
    counts = terms.holds or idempotency.is_asked_for(record.call)
    with turns.turn(caller.payer_id) if counts else nullcontext():
        try:
            return attempt(record, plan, terms, whole=True)
        except Short:
            pass
        try:
            return attempt(record, plan, terms, whole=False)
        except (BudgetExceeded, QuotaExceeded):
            used_up.tell(caller, terms)
            raise


def attempt(record: Record, plan: Plan, terms: Terms, *, whole: bool) -> tuple[Opened, Hold | None]:
    """Claim the request's key, open its turn, load the history and hold; all of it or nothing."""
    caller, base = record.caller, record.request
    assert caller is not None
    held_in = periods.ids_of(terms.periods, caller.timezone, sure=not whole) if terms.periods else []

    def work(session: Session) -> tuple[Opened, Hold | None]:
        idempotency.claim(session, record)
        opened = chat_sessions.open_turn(session, record)
        if opened.turn is None:
            idempotency.finish(session, record.call.request_id, charged=False)
            return opened, None
        record.session = opened.turn
        record.request = session_turns.continued(record, base)
        if terms == FREELY and not idempotency.is_asked_for(record.call):
            return opened, None
        return opened, hold_in(session, record, plan, terms, held_in, whole=whole)

    try:
        opened, hold = database.transaction(work)
    except BaseException:
        record.session = None
        raise
    finally:
        record.request = base
    if opened.is_expired:
        raise SessionExpired
    return opened, hold


def hold_in(
    session: Session, record: Record, plan: Plan, terms: Terms, held_in: list[str], *, whole: bool
) -> Hold:
    """Hold in a transaction under way: the `whole` answer, or raise Short; else the longest that fits."""
    caller = record.caller
    assert caller is not None
    bound, cap = bound_for(record), cap_per_request(terms)
    if whole:
        wanted = quote(plan.candidates, bound, longest(plan.candidates, bound), caller, terms)
        if not cap.fits(wanted):
            raise Short
    else:
        shown = refusals.look(session, caller, terms, held_in, lock=True)
        wanted = holds.narrowed(record, plan, bound, terms, refusals.free(shown).least(cap), shown)
    stored = terms.holds or idempotency.is_asked_for(record.call)
    if stored:
        holds.put(session, reservation(record, plan, bound, terms, wanted, held_in))
    return holds.hold_of(record, bound, terms, wanted, stored=stored)
