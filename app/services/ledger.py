"""Reading the ledger: a page of entries, all of them, and the holds of calls under way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.models import Account, LedgerEntry, Reservation
from app.services import access, accounts, sub_accounts

PAGE_SIZE = 50
EXPORT_BATCH = 1_000
MOST_HOLDS = 20


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, newest first, and the numbers after which the pages beside it begin."""

    rows: list[LedgerEntry]
    newer: int | None
    older: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account has spent this month, and the newest of its open holds."""

    month_nano_usd: int
    holds: list[Reservation]
    hold_count: int


def standing(actor: Actor, workspace_id: str) -> Standing:
    """Return what goes on at the root account."""

    def work(session: Session) -> Standing:
        access.require(session, actor, workspace_id, "viewer")
        account = accounts.root_of(session, workspace_id)
        held = Reservation.account_id == account.id, Reservation.state == "held", Reservation.prepaid
        newest = select(Reservation).where(*held).order_by(Reservation.created_at.desc()).limit(MOST_HOLDS)
        return Standing(
            month_nano_usd=sum(sub_accounts.spent(session, workspace_id, "month").values()),
            holds=list(session.scalars(newest)),
            hold_count=session.scalar(select(func.count()).select_from(Reservation).where(*held)) or 0,
        )

    return database.read(work)


def list_page(
    actor: Actor, workspace_id: str, *, kind: str = "", before: int | None = None, after: int | None = None
) -> Page:
    """Return the entries right before or right after a number; the newest ones without any."""

    def work(session: Session) -> list[LedgerEntry]:
        return batch(session, actor, workspace_id, kind, before, after, PAGE_SIZE + 1)

    rows = database.read(work)
    more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    if after is not None:
        rows.reverse()
    if not rows:
        return Page([], None, None)
    newest, oldest = rows[0].number, rows[-1].number
    if after is None:
        return Page(rows, newest if before is not None else None, oldest if more else None)
    return Page(rows, newest if more else None, oldest)


def export(actor: Actor, workspace_id: str, kind: str = "") -> Iterator[LedgerEntry]:
    """Yield every entry, newest first, read in batches."""
    before: int | None = None
    while True:
        rows = next_batch(actor, workspace_id, kind, before)
        yield from rows
        if len(rows) < EXPORT_BATCH:
            return
        before = rows[-1].number


def next_batch(actor: Actor, workspace_id: str, kind: str, before: int | None) -> list[LedgerEntry]:
    """Read one batch of an export."""
    return database.read(lambda s: batch(s, actor, workspace_id, kind, before, None, EXPORT_BATCH))


def batch(
    session: Session,
    actor: Actor,
    workspace_id: str,
    kind: str,
    before: int | None,
    after: int | None,
    n: int,
) -> list[LedgerEntry]:
    """Read up to `n` entries, away from the given number."""
    access.require(session, actor, workspace_id, "viewer")
    roots = select(Account.id).where(Account.workspace_id == workspace_id, Account.parent_id.is_(None))
    query = select(LedgerEntry).where(LedgerEntry.account_id.in_(roots))
    if kind:
        query = query.where(LedgerEntry.kind == kind)
    if after is not None:
        return list(
            session.scalars(query.where(LedgerEntry.number > after).order_by(LedgerEntry.number).limit(n))
        )
    if before is not None:
        query = query.where(LedgerEntry.number < before)
    return list(session.scalars(query.order_by(LedgerEntry.number.desc()).limit(n)))
