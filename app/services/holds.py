"""Holds money and budgets for a call, and charges what it turned out to use (reliability 1.3, 1.4, 1.8).

One transaction before the call and one after it; the row counts decide, so nothing can be oversold. Locks are
taken in one order everywhere: account, then budget periods by id.
"""

from __future__ import annotations

import logging
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import gevent
import gevent.monkey
from sqlalchemy import bindparam, insert, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.database import database
from app.domain.bounds import Bound
from app.domain.calls import Usage
from app.domain.errors import BudgetExceeded, Overloaded, QuotaExceeded
from app.domain.holds import (
    FREELY,
    LEAST_OUTPUT,
    Free,
    Hold,
    Quote,
    Terms,
    cap_per_request,
    largest_fitting,
    longest,
    quote,
    terms_of,
)
from app.domain.records import Record
from app.domain.session_turns import end_of
from app.domain.stored_texts import stored
from app.domain.targets import Plan
from app.models import Account, Reservation
from app.services import (
    chat_sessions,
    desks,
    holds_postgresql,
    idempotency,
    periods,
    refusals,
    settlements,
    turns,
    used_up,
)
from app.services.call_bounds import bound_for, may_shorten
from app.services.reservations import reservation
from app.services.settlements import Charged, Ending

log = logging.getLogger(__name__)
RETRY_SECONDS = 30.0
RETRY_PAUSE_SECONDS = 0.5

HOLD_BALANCE = (
    update(Account)
    .where(
        Account.id == bindparam("account"),
        Account.balance_nano_usd - Account.reserved_nano_usd >= bindparam("amount"),
    )
    .values(reserved_nano_usd=Account.reserved_nano_usd + bindparam("amount"))
    .execution_options(synchronize_session=False)
)


class Short(Exception):
    """The balance or a budget does not cover the hold; the transaction is rolled back."""


def reserve(record: Record, plan: Plan) -> Hold | None:
    """Hold the most that the call can cost; None when nothing is counted before it.

    Raises InsufficientBalance, BudgetExceeded or QuotaExceeded, which say what is missing and what would
    fit, and what `idempotency.claim` raises.
    """
    caller, target = record.caller, record.target
    assert caller is not None and target is not None
    terms = terms_of(caller, target)
    claims = idempotency.is_asked_for(record.call)
    if not claims and (terms is FREELY or terms == FREELY):
        return None
    bound = bound_for(record)
    wanted = quote(plan.candidates, bound, longest(plan.candidates, bound), caller, terms)
    cap = cap_per_request(terms)
    fits = cap.fits(wanted)
    if fits and terms.holds and not claims and desks.serves(caller.payer_id):
        try:
            taken = take_at_desk(record, plan, bound, terms, wanted)
        except Short:
            fits = False
        else:
            if taken is not None:
                return taken
    with turns.turn(caller.payer_id) if terms.holds or claims else nullcontext():
        if fits:
            try:
                return take(record, plan, bound, terms, wanted)
            except Short:
                pass
        try:
            return take_what_fits(record, plan, bound, terms, cap)
        except (BudgetExceeded, QuotaExceeded):
            used_up.tell(caller, terms)
            raise


def take_at_desk(record: Record, plan: Plan, bound: Bound, terms: Terms, wanted: Quote) -> Hold | None:
    """Hold exactly this much, with one statement for many calls; None: it must go alone. Short as for all."""
    caller = record.caller
    assert caller is not None
    held_in = periods.known(terms.periods, caller.timezone) if terms.periods else []
    if held_in is None:
        return None
    row = reservation(record, plan, bound, terms, wanted, held_in)
    try:
        ticket = desks.holding.ask(row)
    except desks.Unsure:  # the call is refused: what is held for it in spite of that is given back
        gevent.spawn(settle_later, Ending(row["id"], "failed", keyed=False, alone=True), row["account_id"], 6)
        raise
    if ticket.alone:
        return None
    if not ticket.answer:
        raise Short
    return hold_of(record, bound, terms, wanted, stored=True)


def take(record: Record, plan: Plan, bound: Bound, terms: Terms, wanted: Quote) -> Hold:
    """Hold exactly this much in one transaction; raise Short when it does not fit."""
    caller = record.caller
    assert caller is not None
    if not terms.holds and not idempotency.is_asked_for(record.call):
        return hold_of(record, bound, terms, wanted, stored=False)
    held_in = periods.ids_of(terms.periods, caller.timezone) if terms.periods else []

    def work(session: Session) -> None:
        idempotency.claim(session, record)
        put(session, reservation(record, plan, bound, terms, wanted, held_in))

    with desks.going_alone(caller.payer_id):
        database.transaction(work)
    return hold_of(record, bound, terms, wanted, stored=True)


def put(session: Session, row: dict[str, Any]) -> None:
    """Insert the reservation and move its amounts into `reserved` of account and budget periods; or Short."""
    if holds_postgresql.is_spoken(session):
        if not holds_postgresql.hold(session, row):
            raise Short
        return
    if row["prepaid"]:
        values = {"account": row["account_id"], "amount": row["amount_nano_usd"]}
        if session.execute(HOLD_BALANCE, values).rowcount != 1:  # type: ignore[attr-defined]
            raise Short
    held_in, amounts = row["period_ids"], (row["amount_nano_usd"], row["amount_tokens"])
    if held_in and periods.hold(session, held_in, *amounts) != len(held_in):
        raise Short
    session.execute(insert(Reservation), [row])


def take_what_fits(record: Record, plan: Plan, bound: Bound, terms: Terms, cap: Free) -> Hold:
    """Hold for a shorter answer where the client left its length to us; else say what is missing."""
    caller = record.caller
    assert caller is not None
    held_in = periods.ids_of(terms.periods, caller.timezone, sure=True) if terms.periods else []
    claims = idempotency.is_asked_for(record.call)
    stored = terms.holds or claims
    if not claims and not may_shorten(record, bound):  # then it waits for nobody's lock to be refused
        seen = database.read(lambda session: refusals.look(session, caller, terms, held_in))
        narrowed(record, plan, bound, terms, refusals.free(seen).least(cap), seen)

    def work(session: Session) -> Quote:
        idempotency.claim(session, record)
        shown = refusals.look(session, caller, terms, held_in, lock=True)
        fitting = narrowed(record, plan, bound, terms, refusals.free(shown).least(cap), shown)
        if stored:
            put(session, reservation(record, plan, bound, terms, fitting, held_in))
        return fitting

    return hold_of(record, bound, terms, database.transaction(work), stored=stored)


def narrowed(
    record: Record, plan: Plan, bound: Bound, terms: Terms, free: Free, shown: list[refusals.Shown]
) -> Quote:
    """Return the longest answer that what is free covers; raise the refusal when that is too short."""
    caller = record.caller
    assert caller is not None
    whole = quote(plan.candidates, bound, longest(plan.candidates, bound), caller, terms)
    fitting = largest_fitting(plan.candidates, bound, caller, terms, free)
    least = min(LEAST_OUTPUT, whole.output_tokens) if may_shorten(record, bound) else whole.output_tokens
    if fitting is None or fitting.output_tokens < least:
        raise refusals.refusal(caller, terms, shown, whole, fitting)
    return fitting


def hold_of(record: Record, bound: Bound, terms: Terms, held: Quote, *, stored: bool) -> Hold:
    """Return the hold as the rest of the pipeline sees it."""
    return Hold(
        id=record.call.request_id,
        nano_usd=held.nano_usd,
        tokens=held.tokens,
        terms=terms,
        most_output=held.output_tokens if may_shorten(record, bound) else None,
        stored=stored,
        longest_answer=held.output_tokens * bound.copies,
    )


def settle(record: Record) -> None:
    """End the record's hold and its turn of a conversation, and book what it used; never raises.

    While the database is away it is tried again for half a minute; after that the sweeper decides.
    """
    hold = record.hold
    if hold is None or not hold.stored:
        chat_sessions.end(record)
        return
    assert record.caller is not None
    ending = ending_of(record, hold)
    record.cost_nano_usd = None if record.cost_nano_usd is None else min(record.cost_nano_usd, hold.nano_usd)
    try:
        note_charged(record, end(ending, record.caller.payer_id))
    except Exception as error:
        log.error("call %s not settled yet: %s", hold.id, type(error).__name__, exc_info=not is_outage(error))
        if gevent.monkey.is_module_patched("socket"):
            gevent.spawn(settle_later, ending, record.caller.payer_id)


def end(ending: Ending, payer_id: str) -> Charged | None:
    """End the hold, together with other calls where nobody must be told of it; else in its account's turn."""
    if ending.alone and desks.serves(payer_id):
        ticket = desks.ending.ask(settlements.values_of(ending, 0, datetime.now(UTC)))
        if not ticket.alone:
            return settlements.charged_at_desk(ending, payer_id, ticket.answer)
    with turns.turn(payer_id), desks.going_alone(payer_id):
        return database.transaction(lambda session: settlements.end(session, ending))


def ending_of(record: Record, hold: Hold) -> Ending:
    """Return how the call ended, as the settlement takes it (reliability 1.4)."""
    usage = record.usage or Usage()
    answered_by, keyed = record.answered_by, idempotency.is_asked_for(record.call)
    watched = bool(record.caller and record.caller.watched) or bool(answered_by and answered_by.watched)
    terms = hold.terms
    return Ending(
        request_id=hold.id,
        outcome=record.outcome,
        cost_nano_usd=record.cost_nano_usd or 0,
        tokens=usage.input_tokens + usage.output_tokens + record.extra_tokens,
        provider_id=answered_by.provider_id if answered_by else None,
        provider_nano_usd=record.provider_cost_nano_usd,
        overage_nano_usd_per_million=terms.overage_nano_usd_per_million,
        reason=stored(record.model_answered or "", 200),
        keyed=keyed,
        alone=not (keyed or watched or terms.overage_nano_usd_per_million or record.session),
        turn=end_of(record),
    )


def note_charged(record: Record, charged: Charged | None) -> None:
    """Put what was really charged on the record; a model's unknown price stays unknown beside the overage."""
    if charged is None:
        return
    record.overage_nano_usd = charged.overage_nano_usd
    record.shortfall_nano_usd = charged.shortfall_nano_usd
    if record.cost_nano_usd is not None:
        record.cost_nano_usd = charged.nano_usd


def settle_later(ending: Ending, payer_id: str, unsure_seconds: float = 0.0) -> None:
    """Try again for half a minute; the transition from `held` keeps a late success from counting twice.

    Where nobody knows whether it is held, it may come about for `unsure_seconds` yet.
    """
    began = time.monotonic()
    while (passed := time.monotonic() - began) < RETRY_SECONDS:
        gevent.sleep(RETRY_PAUSE_SECONDS)
        try:
            if end(ending, payer_id) is not None or passed >= unsure_seconds:
                return
        except (SQLAlchemyError, Overloaded):
            continue
    log.error("call %s is left to the sweeper", ending.request_id)


def is_outage(error: Exception) -> bool:
    """Say whether the database is to blame: then the name of the error says all."""
    return isinstance(error, SQLAlchemyError | Overloaded)
