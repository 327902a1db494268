"""Credit: every movement of money is one transaction, of the balance and an entry that nobody can change.

Charges of calls are written where calls are settled; everything else goes through `move`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.errors import Conflict, InvalidInput, NotAllowed
from app.domain.ledger import MOST_NANO_USD, TRIAL_REF, Movement, parse_movement
from app.domain.pricing import format_usd, nano_to_usd
from app.models import Account, LedgerEntry, Plan
from app.services import access, accounts, alerts, audit

BALANCE, RESERVED = Account.balance_nano_usd, Account.reserved_nano_usd
HELD = "{held} of the balance is held by calls under way; try again when they have ended."


def top_up(actor: Actor, workspace_id: str, fields: Mapping[str, Any]) -> LedgerEntry:
    """Credit a payment; the same `ref` again changes nothing and returns the first entry. Operators only."""
    return book(actor, workspace_id, parse_movement("top_up", fields))


def adjust(actor: Actor, workspace_id: str, fields: Mapping[str, Any]) -> LedgerEntry:
    """Correct the balance up or down, with a reason; once for each `ref`. Operators only."""
    return book(actor, workspace_id, parse_movement("adjustment", fields))


def refund(actor: Actor, workspace_id: str, fields: Mapping[str, Any]) -> LedgerEntry:
    """Take off what is paid back to the customer: at most what they paid in. Operators only."""
    return book(actor, workspace_id, parse_movement("refund", fields))


def book(actor: Actor, workspace_id: str, movement: Movement) -> LedgerEntry:
    """Move the money and write it into the activity log, or return the entry of that `ref`."""

    def work(session: Session) -> LedgerEntry:
        access.require(session, actor, workspace_id, "viewer")
        if not actor.is_operator:
            raise NotAllowed("Only an operator moves money.")
        account = accounts.root_of(session, workspace_id, lock=True)
        known = entry_of(session, account.id, movement)
        if known is not None:
            return check_same(known, movement)
        check_may_move(session, account, movement)
        return audited(session, actor, account, movement)

    return database.transaction(work)


def give_trial(session: Session, actor: Actor, account: Account, plan: Plan) -> None:
    """Credit the plan's trial, once in the life of an account; the caller holds the account's lock."""
    movement = Movement("trial", plan.trial_credit_nano_usd, TRIAL_REF, plan.name)
    if movement.nano_usd and entry_of(session, account.id, movement) is None:
        audited(session, actor, account, movement)


def audited(session: Session, actor: Actor, account: Account, movement: Movement) -> LedgerEntry:
    """Move the money and write it into the activity log."""
    entry = move(session, actor, account, movement)
    after = entry.balance_after_nano_usd
    if movement.nano_usd < 0:
        alerts.check_balance(session, account.workspace_id, account.id, after)
    changes: dict[str, Any] = {"balance": [format_usd(after - movement.nano_usd), format_usd(after)]}
    if movement.reason:
        changes["reason"] = [None, movement.reason]
    change = audit.Change(f"credit.{movement.kind}", account.id, format_usd(abs(movement.nano_usd)), changes)
    audit.write(session, actor, account.workspace_id, change)
    return entry


def move(session: Session, actor: Actor, account: Account, movement: Movement) -> LedgerEntry:
    """Change the balance and append the entry; raise Conflict where the balance does not allow it."""
    amount = movement.nano_usd
    statement = (
        update(Account)
        .where(Account.id == account.id, BALANCE + amount >= RESERVED, MOST_NANO_USD - amount >= BALANCE)
        .values(balance_nano_usd=BALANCE + amount, ledger_count=Account.ledger_count + 1)
        .returning(BALANCE, Account.ledger_count)
        .execution_options(synchronize_session=False)
    )
    after = session.execute(statement).first()
    if after is None:
        raise refusal(account, movement)
    from_side, to_side = movement.sides
    entry = LedgerEntry(
        workspace_id=account.workspace_id,
        account_id=account.id,
        number=after.ledger_count,
        kind=movement.kind,
        from_side=from_side,
        to_side=to_side,
        amount_nano_usd=abs(amount),
        balance_after_nano_usd=after.balance_nano_usd,
        ref=movement.ref,
        reason=movement.reason,
        actor_label=actor.label,
    )
    session.add(entry)
    session.flush()
    session.refresh(account, ["balance_nano_usd", "ledger_count"])
    return entry


def refusal(account: Account, movement: Movement) -> Conflict:
    """Return why the balance does not allow the movement."""
    if movement.nano_usd > 0:
        return Conflict(f"A balance holds at most {format_usd(MOST_NANO_USD)}.", param="usd")
    if account.balance_nano_usd + movement.nano_usd < 0:
        text = f"The balance is {nano_to_usd(account.balance_nano_usd)} USD: less than that amount."
        return Conflict(text, param="usd")
    return Conflict(HELD.format(held=format_usd(account.reserved_nano_usd)), param="usd")


def check_may_move(session: Session, account: Account, movement: Movement) -> None:
    """Raise where the kind of account, or what was paid in, does not allow the movement."""
    if movement.nano_usd > 0 and account.billing != "prepaid":
        text = "This account is metered: it has no balance to pay into. Make it prepaid first."
        raise InvalidInput(text, param="usd")
    if movement.kind == "refund":
        left = paid_in(session, account.id)
        if -movement.nano_usd > left:
            text = f"At most {nano_to_usd(left)} USD of what was paid in can still be paid back."
            raise Conflict(text, param="usd")


def paid_in(session: Session, account_id: str) -> int:
    """Return the top-ups less the refunds, in nano-dollars."""

    def total(kind: str) -> int:
        amounts = select(func.sum(LedgerEntry.amount_nano_usd))
        where = LedgerEntry.account_id == account_id, LedgerEntry.kind == kind
        return int(session.scalar(amounts.where(*where)) or 0)

    return total("top_up") - total("refund")


def refundable(actor: Actor, workspace_id: str) -> int:
    """Return how much of what was paid in could still be paid back, in nano-dollars."""

    def work(session: Session) -> int:
        access.require(session, actor, workspace_id, "viewer")
        return paid_in(session, accounts.root_of(session, workspace_id).id)

    return database.read(work)


def entry_of(session: Session, account_id: str, movement: Movement) -> LedgerEntry | None:
    """Return the entry that the movement's `ref` has made already."""
    where = LedgerEntry.kind == movement.kind, LedgerEntry.ref == movement.ref
    return session.scalars(select(LedgerEntry).where(LedgerEntry.account_id == account_id, *where)).first()


def check_same(known: LedgerEntry, movement: Movement) -> LedgerEntry:
    """Return the known entry; raise Conflict when its `ref` comes back with another amount."""
    moved = (known.from_side, known.to_side, known.amount_nano_usd)
    if moved != (*movement.sides, abs(movement.nano_usd)):
        amount = format_usd(known.amount_nano_usd)
        raise Conflict(f"This reference was used for {amount} already. Give another one.", param="ref")
    return known
