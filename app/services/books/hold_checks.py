"""Holds: what is held is held for open calls, and each ended one was charged once, at most its hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from app.domain.books import Finding
from app.models import Account, IdempotencyKey, LedgerEntry, Reservation
from app.services.books.ledger_checks import usd
from app.services.books.scope import IS_HELD, MOST, Scope

GRACE = timedelta(seconds=60)  # in which the sweeper must have come


def held(session: Session, scope: Scope) -> Iterator[Finding]:
    """Compare what each account holds with its open calls."""
    open_holds = (
        select(Reservation.account_id, func.sum(Reservation.amount_nano_usd).label("amount"))
        .where(*scope.mine(Reservation), IS_HELD, Reservation.prepaid)
        .group_by(Reservation.account_id)
        .subquery()
    )
    expected = func.coalesce(open_holds.c.amount, 0)
    query = select(Account.workspace_id, Account.name, Account.reserved_nano_usd, expected.label("expected"))
    query = query.outerjoin(open_holds, open_holds.c.account_id == Account.id)
    wrong = query.where(*scope.mine(Account), Account.reserved_nano_usd != expected)
    for row in session.execute(wrong.limit(MOST)):
        thing, found = f"account “{row.name}”", f"{usd(row.reserved_nano_usd)} held"
        yield Finding("held", row.workspace_id, thing, f"{usd(row.expected)} held", found)


def stuck(session: Session, scope: Scope) -> Iterator[Finding]:
    """Find holds past their time."""
    wrong = select(Reservation).where(
        *scope.mine(Reservation), IS_HELD, Reservation.expires_at < scope.now - GRACE
    )
    for row in session.scalars(wrong.order_by(Reservation.expires_at).limit(MOST)):
        expected = f"ended by {row.expires_at:%Y-%m-%d %H:%M:%S} UTC"
        found = f"still holds {usd(row.amount_nano_usd)} and {row.amount_tokens:,} tokens"
        yield Finding("stuck", row.workspace_id, f"call {row.id}", expected, found)


def charged(session: Session, scope: Scope) -> Iterator[Finding]:
    """Find prepaid calls that were charged without an entry of that amount."""
    entry = exists().where(
        LedgerEntry.account_id == Reservation.account_id,
        LedgerEntry.kind == "charge",
        LedgerEntry.ref == scope.as_text(Reservation.id),
        LedgerEntry.amount_nano_usd == Reservation.charged_nano_usd,
    )
    wrong = of_accounts(scope).where(
        Reservation.state == "settled", Reservation.prepaid, Reservation.charged_nano_usd > 0, ~entry
    )
    for row in session.scalars(wrong.limit(MOST)):
        found = entry_text(session, row)
        yield Finding(
            "charged", row.workspace_id, f"call {row.id}", f"charge of {usd(row.charged_nano_usd)}", found
        )


def entry_text(session: Session, row: Reservation) -> str:
    """Say which charge stands in the ledger for a call."""
    mine = LedgerEntry.account_id == row.account_id, LedgerEntry.kind == "charge", LedgerEntry.ref == row.id
    amount = session.scalar(select(LedgerEntry.amount_nano_usd).where(*mine))
    return "no ledger entry" if amount is None else f"charge of {usd(amount)}"


def stray(session: Session, scope: Scope) -> Iterator[Finding]:
    """Find charges without a prepaid call of that account that was charged this amount."""
    call = and_(
        Reservation.id == scope.as_id(LedgerEntry.ref),
        Reservation.account_id == LedgerEntry.account_id,
        Reservation.prepaid,
        Reservation.state == "settled",
        Reservation.charged_nano_usd == LedgerEntry.amount_nano_usd,
    )
    query = (
        select(Account.workspace_id, Account.name, LedgerEntry.number, LedgerEntry.ref)
        .add_columns(LedgerEntry.amount_nano_usd)
        .select_from(Account)
        .join(LedgerEntry, LedgerEntry.account_id == Account.id)
        .outerjoin(Reservation, call)
        .where(*scope.mine(Account), *scope.recent(LedgerEntry.created_at))
        .where(LedgerEntry.kind == "charge", Reservation.id.is_(None))
    )
    for row in session.execute(query.limit(MOST)):
        thing = f"entry {row.number} in the ledger of “{row.name}”"
        found = f"charge of {usd(row.amount_nano_usd)} for “{row.ref}”"
        yield Finding("stray", row.workspace_id, thing, "a call that was charged this", found)


def most(session: Session, scope: Scope) -> Iterator[Finding]:
    """Find calls charged below nothing, beyond their hold, or without having ended so."""
    amount, charge = Reservation.amount_nano_usd, Reservation.charged_nano_usd
    wrong = or_(charge < 0, charge > amount, (Reservation.state != "settled") & (charge != 0))
    for row in session.scalars(of_accounts(scope).where(wrong).limit(MOST)):
        expected = f"at most {usd(row.amount_nano_usd if row.state == 'settled' else 0)}"
        yield Finding("most", row.workspace_id, f"call {row.id}", expected, usd(row.charged_nano_usd))


def of_accounts(scope: Scope) -> Any:
    """Return the query of the accounts' reservations, by the index that begins with the account."""
    return (
        select(Reservation)
        .select_from(Account)
        .join(Reservation, Reservation.account_id == Account.id)
        .where(*scope.mine(Account), *scope.recent(Reservation.created_at))
    )


def keys(session: Session, scope: Scope) -> Iterator[Finding]:
    """Find keys in flight whose call is over or was never held."""
    query = (
        select(IdempotencyKey.workspace_id, IdempotencyKey.request_id, Reservation.state)
        .outerjoin(Reservation, Reservation.id == IdempotencyKey.request_id)
        .where(*scope.mine(IdempotencyKey), IdempotencyKey.state == "in_flight")
        .where(or_(Reservation.id.is_(None), Reservation.state != "held"))
    )
    for row in session.execute(query.limit(MOST)):
        found = f"in flight, and the call is {row.state or 'not there'}"
        yield Finding("key", row.workspace_id, f"the key of call {row.request_id}", "done or free", found)
