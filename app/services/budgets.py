"""Budgets: who set which limit on what, and how much of each is spent (C16, P22)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select, update
from sqlalchemy.orm import Session

from app.database import database, insert_into
from app.domain.actors import Actor
from app.domain.budgets import (
    PERIODS,
    PLAN,
    BudgetFacts,
    caps_as_fields,
    ends_at,
    parse_caps,
    percent_used,
    starts_on,
)
from app.domain.errors import Conflict, InvalidInput, NotFound
from app.domain.ids import is_uuid, new_id
from app.models import Budget, BudgetPeriod, Workspace
from app.models.columns import utc_now
from app.services import access, audit, budget_scopes
from app.services.budget_scopes import Scope

THERE = "There is a budget for this already; change that one."
COUNTS = ("spent_nano_usd", "reserved_nano_usd", "spent_tokens", "reserved_tokens")
RANKS = {name: rank for rank, name in enumerate((PLAN, "account", "project", "endpoint", "key"))}


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """A budget and what of it is used in the running period; one per request counts nothing."""

    budget: Budget
    scope: Scope
    resets_at: datetime | None
    spent_nano_usd: int = 0
    reserved_nano_usd: int = 0
    spent_tokens: int = 0
    reserved_tokens: int = 0

    @property
    def percent(self) -> int:
        """How much is used of whichever cap is used up most."""
        usd = percent_used(self.spent_nano_usd, self.budget.cap_nano_usd)
        return max(usd, percent_used(self.spent_tokens, self.budget.cap_tokens))

    @property
    def counts(self) -> bool:
        """Whether calls can still meet it."""
        return self.budget.active and self.scope.live


def facts(session: Session, scopes: Sequence[tuple[str, str, str]]) -> tuple[BudgetFacts, ...]:
    """Return the active budgets of (scope type, scope id, label)s, by id."""
    labels = {(kind, scope_id): label for kind, scope_id, label in scopes}
    where = or_(*(and_(Budget.scope_type == kind, Budget.scope_id == scope_id) for kind, scope_id in labels))
    rows = session.scalars(select(Budget).where(Budget.active, where).order_by(Budget.id))
    return tuple(
        BudgetFacts(
            id=row.id,
            scope_type=row.scope_type,
            scope_id=row.scope_id,
            label=labels[row.scope_type, row.scope_id],
            period=row.period,
            cap_nano_usd=row.cap_nano_usd,
            cap_tokens=row.cap_tokens,
            hard=row.hard,
        )
        for row in rows
    )


def create(
    actor: Actor, workspace_id: str, scope: tuple[str, str], period: str, fields: Mapping[str, Any]
) -> Budget:
    """Set a budget on (scope type, scope id); one that was switched off comes back. Admins only."""
    values = parse_caps(fields)
    if period not in PERIODS:
        raise InvalidInput(f"Choose from: {', '.join(PERIODS)}.", param="period")

    def work(session: Session) -> Budget:
        access.require(session, actor, workspace_id, "admin")
        found = budget_scopes.owned(session, workspace_id, *scope)
        budget = get(session, workspace_id, found, period)
        if budget is None:
            return add(session, actor, workspace_id, found, period, values)
        if budget.active:
            raise Conflict(THERE, param="period")
        return change(session, actor, budget, values)

    return database.transaction(work)


def update_caps(actor: Actor, workspace_id: str, budget_id: str, fields: Mapping[str, Any]) -> Budget:
    """Change the named fields; what is running obeys at once. Admins only."""

    def work(session: Session) -> Budget:
        access.require(session, actor, workspace_id, "admin")
        budget = owned(session, workspace_id, budget_id)
        return change(session, actor, budget, parse_caps({**as_fields(budget), **fields}))

    return database.transaction(work)


def find(actor: Actor, workspace_id: str, budget_id: str) -> BudgetStatus:
    """Return one budget with what is used of it; raise NotFound when it is another workspace's."""

    def work(session: Session) -> BudgetStatus:
        access.require(session, actor, workspace_id, "viewer")
        return with_use(session, workspace_id, [owned(session, workspace_id, budget_id)])[0]

    return database.read(work)


def status(
    actor: Actor, workspace_id: str, scope: tuple[str, str] | None = None, *, plans: bool = True
) -> list[BudgetStatus]:
    """Return the budgets, of one (scope type, scope id) or all: what counts first, then by kind and name."""

    def work(session: Session) -> list[BudgetStatus]:
        access.require(session, actor, workspace_id, "viewer")
        query = select(Budget).where(Budget.workspace_id == workspace_id)
        if scope is not None:
            query = query.where(Budget.scope_type == scope[0], Budget.scope_id == scope[1])
        if not plans:
            query = query.where(Budget.scope_type != PLAN)
        return sorted(with_use(session, workspace_id, list(session.scalars(query))), key=place)

    return database.read(work)


def place(shown: BudgetStatus) -> tuple[Any, ...]:
    """Return where a budget stands in a list."""
    scope, budget = shown.scope, shown.budget
    names = scope.project_name, scope.name, PERIODS.index(budget.period)
    return not shown.counts, RANKS[scope.type], not scope.is_root, *names


def with_use(session: Session, workspace_id: str, budgets: Sequence[Budget]) -> list[BudgetStatus]:
    """Return the budgets with the sums of their running periods."""
    zone, now = session.get_one(Workspace, workspace_id).timezone, datetime.now(UTC)
    running = {row.budget_id: row for row in session.scalars(running_periods(budgets, now, zone))}
    wanted = {(row.scope_type, row.scope_id) for row in budgets}
    scopes = budget_scopes.named(session, workspace_id, wanted)
    return [
        BudgetStatus(
            row,
            scopes.get((row.scope_type, row.scope_id)) or budget_scopes.gone(row.scope_type, row.scope_id),
            None if row.period == "request" else ends_at(row.period, now, zone),
            **{name: getattr(running[row.id], name) for name in COUNTS if row.id in running},
        )
        for row in budgets
    ]


def running_periods(budgets: Sequence[Budget], now: datetime, zone: str) -> Select[BudgetPeriod]:
    """Return the query of the budgets' running periods."""
    ids = {period: [row.id for row in budgets if row.period == period] for period in ("day", "month")}
    running = (
        and_(BudgetPeriod.budget_id.in_(ids[period]), BudgetPeriod.starts_on == starts_on(period, now, zone))
        for period in ids
    )
    return select(BudgetPeriod).where(or_(*running))


def owned(session: Session, workspace_id: str, budget_id: str) -> Budget:
    """Return a budget that people of the workspace set; raise NotFound."""
    budget = session.get(Budget, budget_id) if is_uuid(budget_id) else None
    if budget is None or budget.workspace_id != workspace_id or budget.scope_type == PLAN:
        raise NotFound("There is no such budget.")
    return budget


def get(session: Session, workspace_id: str, scope: Scope, period: str) -> Budget | None:
    """Return the scope's budget for that period."""
    where = (
        Budget.workspace_id == workspace_id,
        Budget.scope_type == scope.type,
        Budget.scope_id == scope.id,
        Budget.period == period,
    )
    return session.scalars(select(Budget).where(*where)).first()


def add(
    session: Session, actor: Actor, workspace_id: str, scope: Scope, period: str, values: Mapping[str, Any]
) -> Budget:
    """Insert a budget and its running period, in the caller's transaction."""
    about = {"workspace_id": workspace_id, "scope_type": scope.type, "scope_id": scope.id, "period": period}
    statement = insert_into(session, Budget).values(id=new_id(), created_at=utc_now(), **about, **values)
    if session.scalar(statement.on_conflict_do_nothing().returning(Budget.id)) is None:
        raise Conflict(THERE, param="period")
    budget = get(session, workspace_id, scope, period)
    assert budget is not None
    follow(session, budget)
    after = {"period": period, **as_fields(budget)}
    note(session, actor, budget, "create", scope, audit.difference({}, after))
    return budget


def change(session: Session, actor: Actor, budget: Budget, values: Mapping[str, Any]) -> Budget:
    """Change a budget and its running period, in the caller's transaction."""
    before = as_fields(budget)
    for name, value in values.items():
        setattr(budget, name, value)
    changes = audit.difference(before, as_fields(budget))
    if changes:
        session.flush()
        follow(session, budget)
        switched = "activate" if budget.active else "deactivate"
        verb = switched if changes.keys() == {"active"} else "change"
        where = budget.scope_type, budget.scope_id
        scope = budget_scopes.named(session, budget.workspace_id, [where]).get(where)
        note(session, actor, budget, verb, scope or budget_scopes.gone(*where), changes)
    return budget


def follow(session: Session, budget: Budget) -> None:
    """Have the running period, and any that a change of time zone left ahead, obey the definition."""
    if budget.period == "request":
        return
    zone = session.get_one(Workspace, budget.workspace_id).timezone
    first = starts_on(budget.period, datetime.now(UTC), zone)
    caps = {name: getattr(budget, name) for name in ("cap_nano_usd", "cap_tokens", "hard")}
    running = BudgetPeriod.budget_id == budget.id, BudgetPeriod.starts_on >= first
    session.execute(update(BudgetPeriod).where(*running).values(**caps))
    nothing = dict.fromkeys(COUNTS, 0)
    row = {"id": new_id(), "budget_id": budget.id, "starts_on": first, **caps, **nothing}
    session.execute(insert_into(session, BudgetPeriod).values(**row).on_conflict_do_nothing())


def note(
    session: Session, actor: Actor, budget: Budget, verb: str, scope: Scope, changes: dict[str, Any]
) -> None:
    """Write what was done into the activity log."""
    what = audit.Change(f"budget.{verb}", budget.id, f"{scope.label} per {budget.period}", changes)
    audit.write(session, actor, budget.workspace_id, what)


def as_fields(budget: Budget) -> dict[str, Any]:
    """Return the fields that a form or file may set."""
    caps = caps_as_fields(budget.cap_nano_usd, budget.cap_tokens)
    return {**caps, "hard": budget.hard, "active": budget.active}
