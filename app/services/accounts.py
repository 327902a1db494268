"""Accounts: the root account of a workspace, which pays, and what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.accounts import write_multiplier, write_usd
from app.domain.actors import Actor
from app.domain.errors import NotFound
from app.domain.ids import is_uuid
from app.models import Account, Plan
from app.services import access


@dataclass(frozen=True, slots=True)
class RootAccount:
    """A workspace's root account with its plan."""

    account: Account
    plan: Plan | None

    @property
    def is_prepaid(self) -> bool:
        """Say whether calls are paid from a balance."""
        return self.account.billing == "prepaid"

    @property
    def free_nano_usd(self) -> int:
        """Return what of the balance no call under way holds."""
        return self.account.balance_nano_usd - self.account.reserved_nano_usd


def find(actor: Actor, workspace_id: str) -> RootAccount:
    """Return the root account."""

    def work(session: Session) -> RootAccount:
        access.require(session, actor, workspace_id, "viewer")
        return look(session, root_of(session, workspace_id))

    return database.read(work)


def as_fields(found: RootAccount) -> dict[str, Any]:
    """Return the fields that a form or file may set."""
    account = found.account
    return {
        "billing": account.billing,
        "plan": found.plan.slug if found.plan else "",
        "rate_multiplier": write_multiplier(account.rate_multiplier_ppm),
        "spend_alert_usd_per_day": write_usd(account.spend_alert_nano_usd_per_day),
        "low_balance_usd": write_usd(account.low_balance_nano_usd),
    }


def look(session: Session, account: Account) -> RootAccount:
    """Return the account with its plan."""
    return RootAccount(account, session.get_one(Plan, account.plan_id) if account.plan_id else None)


def root_of(session: Session, workspace_id: str, *, lock: bool = False) -> Account:
    """Return the workspace's root account; `lock` keeps every other change of it waiting."""
    query = select(Account).where(Account.workspace_id == workspace_id, Account.parent_id.is_(None))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one()


def owned(session: Session, workspace_id: str, account_id: str) -> Account:
    """Return the workspace's own account; raise NotFound."""
    account = session.get(Account, account_id) if is_uuid(account_id) else None
    if account is None or account.workspace_id != workspace_id:
        raise NotFound("There is no such account.")
    return account
