"""A plan's included tokens as a budget of the account that is on it (decisions, "Data")."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from app.domain.budgets import PLAN, starts_on
from app.models import Account, Budget, BudgetPeriod, Plan, Workspace

PERIOD = "month"


def follow(session: Session, account: Account, plan: Plan | None) -> None:
    """Make, change or switch off the account's plan budget, and the running month with it."""
    budget = session.scalars(of_account(account.id)).first()
    if plan is None or plan.included_tokens is None:
        if budget is not None:
            budget.active = False
        return
    if budget is None:
        budget = Budget(
            workspace_id=account.workspace_id, scope_type=PLAN, scope_id=account.id, period=PERIOD
        )
        session.add(budget)
    budget.cap_tokens, budget.hard, budget.active = plan.included_tokens, plan.hard_cap, True
    session.flush()
    running = BudgetPeriod.budget_id == budget.id, BudgetPeriod.starts_on == this_month(session, account)
    caps = {"cap_tokens": plan.included_tokens, "hard": plan.hard_cap}
    session.execute(update(BudgetPeriod).where(*running).values(**caps))


def used_tokens(session: Session, account: Account) -> int:
    """Return how many of the plan's tokens are used or held this month."""
    budget_id = session.scalar(of_account(account.id).with_only_columns(Budget.id))
    if budget_id is None:
        return 0
    running = BudgetPeriod.budget_id == budget_id, BudgetPeriod.starts_on == this_month(session, account)
    counted = BudgetPeriod.spent_tokens + BudgetPeriod.reserved_tokens
    return session.scalar(select(counted).where(*running)) or 0


def of_account(account_id: str) -> Select[Budget]:
    """Return the query of an account's plan budget."""
    scope = Budget.scope_type == PLAN, Budget.scope_id == account_id
    return select(Budget).where(*scope, Budget.period == PERIOD)


def this_month(session: Session, account: Account) -> date:
    """Return the first day of the running month in the workspace's time zone."""
    timezone = session.get_one(Workspace, account.workspace_id).timezone
    return starts_on(PERIOD, datetime.now(UTC), timezone)
