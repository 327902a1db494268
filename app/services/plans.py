"""Plans of the whole installation: operators edit them; every account on one feels it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.accounts import write_usd
from app.domain.actors import Actor
from app.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from app.domain.ids import is_uuid
from app.domain.plans import FIELDS, USD_COLUMNS, parse_plan
from app.models import Account, Plan
from app.services import access, accounts, audit, plan_budgets
from app.services.accounts import RootAccount


@dataclass(frozen=True, slots=True)
class OwnPlan:
    """The plan that a workspace is on, and what of its included tokens is used or held this month."""

    root: RootAccount
    used_tokens: int


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan and how many accounts are on it."""

    plan: Plan
    account_count: int


def own(actor: Actor, workspace_id: str) -> OwnPlan:
    """Return the workspace's plan."""

    def work(session: Session) -> OwnPlan:
        access.require(session, actor, workspace_id, "viewer")
        root = accounts.look(session, accounts.root_of(session, workspace_id))
        return OwnPlan(root, plan_budgets.used_tokens(session, root.account))

    return database.read(work)


def list_all(actor: Actor) -> list[PlanView]:
    """Return every plan in its order. Operators only."""
    require_operator(actor)

    def work(session: Session) -> list[PlanView]:
        counted = select(Account.plan_id, func.count()).group_by(Account.plan_id)
        counts: dict[str, int] = dict(session.execute(counted).all())  # type: ignore[arg-type]
        rows = session.scalars(select(Plan).order_by(Plan.position, Plan.name))
        return [PlanView(plan, counts.get(plan.id, 0)) for plan in rows]

    return database.read(work)


def find(actor: Actor, plan_id: str) -> PlanView:
    """Return one plan; to anyone but an operator there is none."""
    views = list_all(actor) if actor.is_operator else []
    view = next((view for view in views if view.plan.id == plan_id), None)
    if view is None:
        raise NotFound("There is no such plan.")
    return view


def create(actor: Actor, fields: Mapping[str, Any]) -> Plan:
    """Add a plan behind the others. Operators only."""
    require_operator(actor)
    values = parse_plan(fields)

    def work(session: Session) -> Plan:
        check_slug_free(session, values["slug"])
        last = session.scalar(select(func.max(Plan.position)))
        plan = Plan(**values, position=0 if last is None else last + 1)
        session.add(plan)
        session.flush()
        audit.write(session, actor, None, audit.Change("plan.create", plan.id, plan.name, {}))
        return plan

    return database.transaction(work)


def update(actor: Actor, plan_id: str, fields: Mapping[str, Any]) -> Plan:
    """Change a plan, with the budgets of all who are on it; it keeps its slug. Operators only."""

    def work(session: Session) -> Plan:
        plan = known(session, actor, plan_id)
        before = as_fields(plan)
        values = parse_plan({**before, **fields})
        if values["slug"] != plan.slug:
            raise InvalidInput("A plan keeps its slug.", param="slug")
        for name, value in values.items():
            setattr(plan, name, value)
        changes = audit.difference(before, as_fields(plan))
        if changes:
            session.flush()
            tell(session, actor, plan, changes)
        return plan

    return database.transaction(work)


def tell(session: Session, actor: Actor, plan: Plan, changes: dict[str, Any]) -> None:
    """Bring the change to every account on the plan: its budget, its activity log, its workers' caches."""
    change = audit.Change("plan.change", plan.id, plan.name, changes)
    audit.write(session, actor, None, change)
    for account in session.scalars(select(Account).where(Account.plan_id == plan.id).order_by(Account.id)):
        if changes.keys() & {"included_tokens", "hard_cap"}:
            plan_budgets.follow(session, account, plan)
        audit.write(session, actor, account.workspace_id, change)


def delete(actor: Actor, plan_id: str) -> Plan:
    """Remove a plan that no account is on. Operators only."""

    def work(session: Session) -> Plan:
        plan = known(session, actor, plan_id)
        count = session.scalar(select(func.count()).select_from(Account).where(Account.plan_id == plan.id))
        if count:
            raise Conflict("There are accounts on this plan. Give them another one first.")
        session.delete(plan)
        audit.write(session, actor, None, audit.Change("plan.delete", plan.id, plan.name, {}))
        return plan

    return database.transaction(work)


def known(session: Session, actor: Actor, plan_id: str) -> Plan:
    """Return the plan, locked; to anyone but an operator there is none."""
    where = Plan.id == plan_id
    found = is_uuid(plan_id) and actor.is_operator
    plan = session.scalars(select(Plan).where(where).with_for_update()).first() if found else None
    if plan is None:
        raise NotFound("There is no such plan.")
    return plan


def require_operator(actor: Actor) -> None:
    """Raise NotAllowed for anyone but an operator."""
    if not actor.is_operator:
        raise NotAllowed("Only an operator edits plans.")


def check_slug_free(session: Session, slug: str) -> None:
    """Raise Conflict when another plan has the slug."""
    if session.scalar(select(Plan.id).where(Plan.slug == slug)) is not None:
        raise Conflict("There is a plan of this slug already.", param="slug")


def as_fields(plan: Plan) -> dict[str, Any]:
    """Return the fields that a form or file may set."""
    usd = {name: write_usd(getattr(plan, column)) for name, column in USD_COLUMNS.items()}
    others = {name: getattr(plan, name) for name in sorted(FIELDS - usd.keys() - {"slug", "name"})}
    return {"slug": plan.slug, "name": plan.name, **others, **usd}
