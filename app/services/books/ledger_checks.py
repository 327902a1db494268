"""The ledger: it makes the balances, it has no gaps, and it makes up the days' spend."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, func, literal, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from app.domain.books import Finding
from app.domain.pricing import nano_to_usd
from app.models import Account, DailySpend, LedgerEntry
from app.services.books.scope import ACCOUNT, AMOUNT, MOST, SIGNED, Scope


def usd(nano_usd: int | None) -> str:
    """Write an amount to its last digit."""
    return f"${nano_to_usd(int(nano_usd or 0))}"


def balances(session: Session, scope: Scope) -> Iterator[Finding]:
    """Compare each balance with its ledger: with all of it, or with what its newest entry left."""
    ledger = newest_balance() if scope.since else whole_sum()
    expected = func.coalesce(ledger, 0)
    query = select(Account.workspace_id, Account.name, Account.balance_nano_usd, expected.label("expected"))
    wrong = query.where(*scope.mine(Account), Account.balance_nano_usd != expected)
    for row in session.execute(wrong.limit(MOST)):
        thing, found = f"account “{row.name}”", usd(row.balance_nano_usd)
        yield Finding("balance", row.workspace_id, thing, usd(row.expected), found)


def whole_sum() -> ColumnElement[int]:
    """Return the sum of an account's ledger."""
    return select(func.sum(SIGNED)).where(LedgerEntry.account_id == Account.id).scalar_subquery()


def newest_balance() -> ColumnElement[int]:
    """Return the balance that an account's newest entry left."""
    entries = select(LedgerEntry.balance_after_nano_usd).where(LedgerEntry.account_id == Account.id)
    return entries.order_by(LedgerEntry.number.desc()).limit(1).scalar_subquery()


def limits(session: Session, scope: Scope) -> Iterator[Finding]:
    """Find balances and holds that the database itself should have refused."""
    balance, held = Account.balance_nano_usd, Account.reserved_nano_usd
    wrong = select(Account).where(*scope.mine(Account), or_(balance < 0, held < 0, held > balance))
    for row in session.scalars(wrong.limit(MOST)):
        found = f"balance {usd(row.balance_nano_usd)}, held {usd(row.reserved_nano_usd)}"
        yield Finding(
            "limits", row.workspace_id, f"account “{row.name}”", "held between $0 and the balance", found
        )


def chain(session: Session, scope: Scope) -> Iterator[Finding]:
    """Find gaps in an account's numbers, balances that do not follow, and a newest entry that is gone."""
    yield from broken_links(session, scope)
    newest = func.coalesce(
        select(func.max(LedgerEntry.number)).where(LedgerEntry.account_id == Account.id).scalar_subquery(), 0
    )
    query = select(Account.workspace_id, Account.name, Account.ledger_count, newest.label("newest"))
    for row in session.execute(query.where(*scope.mine(Account), Account.ledger_count != newest).limit(MOST)):
        expected, found = f"entry {row.ledger_count} is the newest", f"entry {row.newest} is"
        yield Finding("chain", row.workspace_id, f"the ledger of “{row.name}”", expected, found)


def broken_links(session: Session, scope: Scope) -> Iterator[Finding]:
    """Find entries that do not follow from the one before them."""
    before = aliased(LedgerEntry)
    expected = func.coalesce(before.balance_after_nano_usd, 0) + SIGNED
    previous = (before.account_id == LedgerEntry.account_id) & (before.number == LedgerEntry.number - 1)
    is_gap = (LedgerEntry.number != 1) & before.id.is_(None)
    query = (
        select(
            Account.workspace_id,
            Account.name,
            LedgerEntry.number,
            LedgerEntry.balance_after_nano_usd,
            expected.label("expected"),
            is_gap.label("is_gap"),
        )
        .select_from(Account)
        .join(LedgerEntry, LedgerEntry.account_id == Account.id)
        .outerjoin(before, previous)
        .where(*scope.mine(Account), *scope.recent(LedgerEntry.created_at))
        .where(or_(is_gap, LedgerEntry.balance_after_nano_usd != expected))
    )
    for row in session.execute(query.limit(MOST)):
        thing = f"entry {row.number} in the ledger of “{row.name}”"
        texts = f"entry {row.number - 1} before it", "no such entry"
        if not row.is_gap:
            texts = f"balance {usd(row.expected)} after it", usd(row.balance_after_nano_usd)
        yield Finding("chain", row.workspace_id, thing, *texts)


def days(session: Session, scope: Scope) -> Iterator[Finding]:
    """Compare each day's booked spend of an account with the charges in its ledger."""
    in_days, in_ledger = scope.recent_days(DailySpend.day, LedgerEntry.created_at)
    zero = literal(0)
    day = scope.day_of(LedgerEntry.created_at).label("day")
    charged = (
        select(LedgerEntry.account_id, day, AMOUNT.label("charged"), zero.label("counted"))
        .join(Account, LedgerEntry.account_id == Account.id)
        .where(*scope.mine(Account), *in_ledger, LedgerEntry.kind == "charge")
    )
    counted = select(DailySpend.scope_id, DailySpend.day, zero, DailySpend.ledger_nano_usd)
    counted = counted.where(*scope.mine(DailySpend), *in_days, DailySpend.scope_type == ACCOUNT)
    both = union_all(charged, counted).subquery()
    sums = func.sum(both.c.charged), func.sum(both.c.counted)
    query = select(Account.workspace_id, Account.name, both.c.day, *sums)
    query = query.join(both, both.c.account_id == Account.id)
    keys = Account.workspace_id, Account.name, both.c.account_id, both.c.day
    for workspace_id, name, on, expected, found in session.execute(
        query.group_by(*keys).having(sums[0] != sums[1]).limit(MOST)
    ):
        yield Finding("day", workspace_id, f"account “{name}”, {on}", usd(expected), usd(found))
