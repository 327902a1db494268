"""Billing: how a root account pays, which plan it is on, and when its people want to be warned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.accounts import OPERATOR_FIELDS, parse_account
from app.domain.actors import Actor
from app.domain.errors import InvalidInput, NotAllowed
from app.models import Plan
from app.services import access, accounts, audit, credits, plan_budgets
from app.services.accounts import RootAccount


def update(actor: Actor, workspace_id: str, fields: Mapping[str, Any]) -> RootAccount:
    """Change how the account pays (operators) or when it wants to be warned (admins).

    A balance stays untouched and unused while the account is metered. A plan brings its included tokens as a
    budget and, once in the account's life and when it is prepaid, its trial credit.
    """

    def work(session: Session) -> RootAccount:
        access.require(session, actor, workspace_id, "admin")
        account = accounts.root_of(session, workspace_id, lock=True)
        before = accounts.as_fields(accounts.look(session, account))
        values = parse_account({**before, **fields})
        plan = plan_named(session, values.pop("plan"))
        for name, value in {**values, "plan_id": plan.id if plan else None}.items():
            setattr(account, name, value)
        found = RootAccount(account, plan)
        changes = audit.difference(before, accounts.as_fields(found))
        if changes:
            check_may(actor, changes)
            change = audit.Change("account.change", account.id, account.name, changes)
            audit.write(session, actor, workspace_id, change)
            session.flush()
            follow_plan(session, actor, found, changes)
        return found

    return database.transaction(work)


def check_may(actor: Actor, changes: Mapping[str, Any]) -> None:
    """Raise NotAllowed where somebody else than an operator changes how the account pays."""
    if changes.keys() & OPERATOR_FIELDS and not actor.is_operator:
        raise NotAllowed("Only an operator changes billing, plan and factor of an account.")


def follow_plan(session: Session, actor: Actor, found: RootAccount, changes: Mapping[str, Any]) -> None:
    """Do what a new plan or another way of paying brings with it."""
    if "plan" in changes:
        plan_budgets.follow(session, found.account, found.plan)
    if found.plan is not None and found.is_prepaid and changes.keys() & {"plan", "billing"}:
        credits.give_trial(session, actor, found.account, found.plan)


def plan_named(session: Session, slug: str) -> Plan | None:
    """Return the plan of that slug; None for no slug."""
    if not slug:
        return None
    plan = session.scalars(select(Plan).where(Plan.slug == slug)).first()
    if plan is None:
        slugs = session.scalars(select(Plan.slug).order_by(Plan.position))
        raise InvalidInput(f"There is no such plan. Choose from: {', '.join(slugs)}.", param="plan")
    return plan
