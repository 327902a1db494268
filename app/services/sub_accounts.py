"""Sub-accounts: budget scopes below the root account, to which keys are booked; the root pays (A20)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.accounts import SUB_FIELDS, parse_sub_account
from app.domain.actors import Actor
from app.domain.budgets import starts_on
from app.domain.errors import Conflict, NotFound
from app.models import Account, Key, UsageHour, Workspace
from app.services import access, accounts, audit


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account, the keys in force that are booked on it, and what was spent on it (workspace's time)."""

    account: Account
    keys: list[Key]
    today_nano_usd: int
    month_nano_usd: int


def overview(actor: Actor, workspace_id: str) -> list[AccountView]:
    """Return the root account and then the sub-accounts by name."""

    def work(session: Session) -> list[AccountView]:
        access.require(session, actor, workspace_id, "viewer")
        rows = session.scalars(select(Account).where(Account.workspace_id == workspace_id))
        in_order = sorted(rows, key=lambda row: (row.parent_id is not None, not row.active, row.name.lower()))
        in_force = Key.workspace_id == workspace_id, Key.revoked_at.is_(None)
        keys = list(session.scalars(select(Key).where(*in_force).order_by(Key.name)))
        today, month = (spent(session, workspace_id, period) for period in ("day", "month"))
        return [
            AccountView(
                row,
                [key for key in keys if key.account_id == row.id],
                today.get(row.id, 0),
                month.get(row.id, 0),
            )
            for row in in_order
        ]

    return database.read(work)


def spent(session: Session, workspace_id: str, period: str) -> dict[str, int]:
    """Return by account what the running day or month has cost so far, from the sums of whole hours."""
    timezone = session.get_one(Workspace, workspace_id).timezone
    first = starts_on(period, datetime.now(UTC), timezone)
    since = datetime.combine(first, time(), ZoneInfo(timezone)).astimezone(UTC)
    where = UsageHour.workspace_id == workspace_id, UsageHour.starts_at >= since.replace(minute=0)
    sums = select(UsageHour.account_id, func.sum(UsageHour.cost_nano_usd)).where(*where)
    rows = session.execute(sums.group_by(UsageHour.account_id))
    return {account_id: int(nano_usd) for account_id, nano_usd in rows}


def list_all(actor: Actor, workspace_id: str) -> list[Account]:
    """Return the sub-accounts by name, those switched off too."""

    def work(session: Session) -> list[Account]:
        access.require(session, actor, workspace_id, "viewer")
        where = Account.workspace_id == workspace_id, Account.parent_id.is_not(None)
        return list(session.scalars(select(Account).where(*where).order_by(Account.name)))

    return database.read(work)


def find(actor: Actor, workspace_id: str, account_id: str) -> Account:
    """Return one sub-account; raise NotFound when it is another workspace's."""

    def work(session: Session) -> Account:
        access.require(session, actor, workspace_id, "viewer")
        return owned(session, workspace_id, account_id)

    return database.read(work)


def create(actor: Actor, workspace_id: str, fields: Mapping[str, Any]) -> Account:
    """Make a sub-account of the root. Admins only."""
    values = parse_sub_account(fields)

    def work(session: Session) -> Account:
        access.require(session, actor, workspace_id, "admin")
        check_free(session, workspace_id, values)
        root = accounts.root_of(session, workspace_id)
        account = Account(workspace_id=workspace_id, parent_id=root.id, **values)
        session.add(account)
        session.flush()
        change = audit.Change("sub_account.create", account.id, account.name, {})
        audit.write(session, actor, workspace_id, change)
        return account

    return database.transaction(work)


def update(actor: Actor, workspace_id: str, account_id: str, fields: Mapping[str, Any]) -> Account:
    """Rename a sub-account, or switch it off: its keys are refused within a second. Admins only."""

    def work(session: Session) -> Account:
        access.require(session, actor, workspace_id, "admin")
        account = owned(session, workspace_id, account_id)
        before = as_fields(account)
        values = parse_sub_account({**before, **fields})
        changes = audit.difference(before, values)
        check_free(session, workspace_id, {name: values[name] for name in changes})
        for name in changes:
            setattr(account, name, values[name])
        if changes:
            change = audit.Change("sub_account.change", account.id, account.name, changes)
            audit.write(session, actor, workspace_id, change)
        return account

    return database.transaction(work)


def owned(session: Session, workspace_id: str, account_id: str) -> Account:
    """Return the workspace's own sub-account; raise NotFound."""
    account = accounts.owned(session, workspace_id, account_id)
    if account.parent_id is None:
        raise NotFound("There is no such account.")
    return account


def as_fields(account: Account) -> dict[str, Any]:
    """Return the fields that a form or file may set."""
    return {name: getattr(account, name) for name in sorted(SUB_FIELDS)}


def check_free(session: Session, workspace_id: str, values: Mapping[str, Any]) -> None:
    """Raise Conflict when another account of the workspace has the name or the reference."""
    for name in ("name", "external_ref"):
        if values.get(name) is None:
            continue
        where = Account.workspace_id == workspace_id, getattr(Account, name) == values[name]
        sub_only = Account.parent_id.is_not(None)
        if session.scalar(select(Account.id).where(*where, sub_only)) is not None:
            raise Conflict(f"There is a sub-account with this {name.replace('_', ' ')} already.", param=name)
