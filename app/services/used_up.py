"""Tells of hard budgets that refuse calls with little left: their spend may never reach the cap exactly."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.budgets import BudgetFacts
from app.domain.callers import Caller
from app.domain.holds import Terms
from app.models import BudgetPeriod
from app.services import alerts, periods
from app.services.cache import Cache

NEARLY_PERCENT = 95
LOOK_AGAIN_SECONDS = 60.0

_looked: Cache[str, float] = Cache(10_000)  # by account: when this process last looked (monotonic)


def tell(caller: Caller, terms: Terms) -> None:
    """Note each nearly spent hard budget of a refused call; it looks once a minute at most."""
    now = time.monotonic()
    hard = [budget for budget in terms.periods if budget.hard]
    if not hard or now - (_looked.get(caller.payer_id) or float("-inf")) < LOOK_AGAIN_SECONDS:
        return
    _looked.put(caller.payer_id, now)
    by_id = {budget.id: budget for budget in hard}
    period_ids = periods.ids_of(hard, caller.timezone)
    for row in database.read(lambda session: running(session, period_ids)):
        tell_one(caller, by_id[row.budget_id], row)


def running(session: Session, period_ids: Sequence[str]) -> list[BudgetPeriod]:
    """Return the periods as they stand."""
    return list(session.scalars(select(BudgetPeriod).where(BudgetPeriod.id.in_(period_ids))))


def tell_one(caller: Caller, budget: BudgetFacts, row: BudgetPeriod) -> None:
    """Note that a budget is used up, if nearly all of its dollars or tokens are spent."""
    for unit, spent, cap in (
        ("usd", row.spent_nano_usd, row.cap_nano_usd),
        ("tokens", row.spent_tokens, row.cap_tokens),
    ):
        if cap is not None and spent * 100 >= cap * NEARLY_PERCENT:
            alerts.used_up(caller.workspace_id, budget, row.starts_on, unit, spent, cap)
