"""Prepaid tenants, budgets, and the books as they stand, for tests about money."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from app.database import database
from app.models import Account, Budget, LedgerEntry
from app.services import stamps
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
