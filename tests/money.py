"""Prepaid tenants, budgets, and the books as they stand, for tests about money."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from app.database import database
from app.models import Account, Budget, BudgetPeriod, LedgerEntry, Reservation
from app.services import books, stamps
from tests.world import Tenant

USD = 1_000_000_000


def make_prepaid(tenant: Tenant, nano_usd: int) -> None:
    """Make the tenant's root account prepaid with this balance, booked as one top-up."""

    def work(session: Any) -> None:
        account = session.scalars(root(tenant)).one()
        account.billing, account.balance_nano_usd, account.ledger_count = "prepaid", nano_usd, 1
        entry = {"number": 1, "kind": "top_up", "from_side": "funding", "to_side": "account", "ref": "first"}
        amounts = {"amount_nano_usd": nano_usd, "balance_after_nano_usd": nano_usd}
        owner = {"workspace_id": tenant.workspace.id, "account_id": account.id}
        session.add(LedgerEntry(**owner, **entry, **amounts))

    database.transaction(work)
    stamps.renew(tenant.workspace.id)


def set_budget(
    tenant: Tenant, scope_type: str, scope_id: str, period: str, *, usd: int | None = None, **fields: Any
) -> str:
    """Set a budget of `usd` nano-dollars or `tokens`; return its id."""
    budget = Budget(
        workspace_id=tenant.workspace.id, scope_type=scope_type, scope_id=scope_id, period=period,
        cap_nano_usd=usd, cap_tokens=fields.get("tokens"), hard=fields.get("hard", True),
        created_at=datetime.now(UTC),
    )  # fmt: skip
    database.transaction(lambda session: session.add(budget))
    stamps.renew(tenant.workspace.id)
    return budget.id


def root(tenant: Tenant) -> Any:
    """Return the query of the tenant's root account."""
    return select(Account).where(Account.workspace_id == tenant.workspace.id, Account.parent_id.is_(None))


def account_of(tenant: Tenant) -> Account:
    """Return the root account as it stands now."""
    return database.read(lambda session: session.scalars(root(tenant)).one())


def rows(table: type[Any], *order: Any) -> list[Any]:
    """Return every row of a table."""
    return database.read(lambda session: list(session.scalars(select(table).order_by(*order))))


def top_up(tenant: Tenant, nano_usd: int) -> None:
    """Credit so much to the tenant's root account, booked."""

    def work(session: Any) -> None:
        account = session.scalars(root(tenant).with_for_update()).one()
        account.balance_nano_usd += nano_usd
        account.ledger_count += 1
        number, after = account.ledger_count, account.balance_nano_usd
        entry = {"number": number, "kind": "top_up", "from_side": "funding", "to_side": "account"}
        amounts = {"amount_nano_usd": nano_usd, "balance_after_nano_usd": after, "ref": f"top-up {number}"}
        owner = {"workspace_id": tenant.workspace.id, "account_id": account.id}
        session.add(LedgerEntry(**owner, **entry, **amounts))

    database.transaction(work)


def mistakes() -> list[str]:
    """Return what does not add up in the books now: by sums of our own, and by the product's own check."""
    accounts, entries = rows(Account), rows(LedgerEntry, LedgerEntry.number)
    holds, periods = rows(Reservation), rows(BudgetPeriod)
    found = [text for account in accounts for text in wrong_in_account(account, entries, holds)]
    found += [text for period in periods for text in wrong_in_period(period, holds)]
    charges = Counter((entry.ref, entry.amount_nano_usd) for entry in entries if entry.kind == "charge")
    due = Counter((row.id, row.charged_nano_usd) for row in holds if row.prepaid and row.charged_nano_usd)
    found += [f"charged otherwise than booked: {one}" for one in (charges - due) + (due - charges)]
    found += [f"charge beyond its hold: {r.id}" for r in holds if r.charged_nano_usd > r.amount_nano_usd]
    return found + [str(finding) for finding in books.look().findings]


def wrong_in_account(account: Account, entries: list[LedgerEntry], holds: list[Reservation]) -> list[str]:
    """Compare an account with its ledger and its open holds."""
    found, balance = [], 0
    mine = [entry for entry in entries if entry.account_id == account.id]
    for number, entry in enumerate(mine, 1):
        balance += entry.amount_nano_usd if entry.to_side == "account" else -entry.amount_nano_usd
        if (entry.number, entry.balance_after_nano_usd) != (number, balance) or balance < 0:
            found.append(f"entry {entry.number} of {account.name} breaks the chain at {number}: {balance}")
    held = sum(
        r.amount_nano_usd for r in holds if r.prepaid and r.state == "held" and r.account_id == account.id
    )
    stored = account.balance_nano_usd, account.reserved_nano_usd, account.ledger_count
    if stored != (balance, held, len(mine)):
        found.append(f"{account.name} holds {stored} instead of {(balance, held, len(mine))}")
    return found


def wrong_in_period(period: BudgetPeriod, holds: list[Reservation]) -> list[str]:
    """Compare a budget's period with the holds that count in it."""
    mine = [row for row in holds if period.id in row.period_ids]
    held = [row for row in mine if row.state == "held"]
    due = (
        sum(row.charged_nano_usd for row in mine), sum(row.amount_nano_usd for row in held),
        sum(row.charged_tokens for row in mine), sum(row.amount_tokens for row in held),
    )  # fmt: skip
    usd, tokens = (
        (period.spent_nano_usd, period.reserved_nano_usd),
        (period.spent_tokens, period.reserved_tokens),
    )
    over = period.hard and any(
        cap is not None and sum(used) > cap
        for cap, used in ((period.cap_nano_usd, usd), (period.cap_tokens, tokens))
    )
    found = [f"budget {period.budget_id} is over its cap: {usd} {tokens}"] if over else []
    return found + (
        [f"budget {period.budget_id} counts {usd + tokens} instead of {due}"] if usd + tokens != due else []
    )
