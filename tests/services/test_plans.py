"""Plans: the included tokens become a budget, a trial is given once, and an edit reaches everybody on it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from app.database import database
from app.domain.actors import SYSTEM, Actor
from app.domain.budgets import PLAN, starts_on
from app.domain.callers import hash_key
from app.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from app.models import Budget, BudgetPeriod, Plan
from app.services import accounts, billing, callers, credits, ledger, plan_budgets, plans, stamps, workspaces
from tests.world import World, actor_of


@pytest.fixture
def acme(world: World) -> str:
    return world.acme.workspace.id


def plan(slug: str) -> Plan:
    return next(view.plan for view in plans.list_all(SYSTEM) if view.plan.slug == slug)


def budgets_of(workspace_id: str) -> list[tuple[int | None, bool, bool]]:
    """Return cap, hard and active of the workspace's plan budgets."""

    def work(session) -> list[Budget]:  # type: ignore[no-untyped-def]
        where = Budget.workspace_id == workspace_id, Budget.scope_type == PLAN
        return list(session.scalars(select(Budget).where(*where)))

    return [(row.cap_tokens, row.hard, row.active) for row in database.read(work)]


def begin_month(workspace_id: str, spent_tokens: int) -> None:
    """Have the plan's budget begin its month, as the first call does."""

    def work(session) -> None:  # type: ignore[no-untyped-def]
        budget = session.scalars(select(Budget).where(Budget.workspace_id == workspace_id)).one()
        first = starts_on("month", datetime.now(UTC), "UTC")
        caps = {"cap_tokens": budget.cap_tokens, "hard": budget.hard}
        session.add(BudgetPeriod(budget_id=budget.id, starts_on=first, spent_tokens=spent_tokens, **caps))

    database.transaction(work)


def running_month() -> tuple[int | None, bool, int]:
    row = database.read(lambda session: session.scalars(select(BudgetPeriod)).one())
    return row.cap_tokens, row.hard, row.spent_tokens


def kinds(workspace_id: str) -> list[str]:
    return [entry.kind for entry in ledger.export(SYSTEM, workspace_id)]


def test_a_plan_brings_its_included_tokens_as_a_budget(world: World, acme: str) -> None:
    billing.update(SYSTEM, acme, {"plan": "free"})
    assert budgets_of(acme) == [(100_000, True, True)]
    [caps] = [b for b in caller(world).budgets if b.scope_type == PLAN]
    assert (caps.cap_tokens, caps.hard, caps.period) == (100_000, True, "month")
    billing.update(SYSTEM, acme, {"plan": "team"})
    assert budgets_of(acme) == [(10_000_000, False, True)]
    billing.update(SYSTEM, acme, {"plan": "enterprise"})
    assert budgets_of(acme) == [(10_000_000, False, False)]
    billing.update(SYSTEM, acme, {"plan": "business"})
    assert budgets_of(acme) == [(50_000_000, False, True)]
    billing.update(SYSTEM, acme, {"plan": ""})
    assert budgets_of(acme) == [(50_000_000, False, False)]
    assert not caller(world).budgets and caller(world).plan is None


def caller(world: World):  # type: ignore[no-untyped-def]
    return callers.read(hash_key(world.acme.secret))


def test_the_running_month_follows_the_plan_and_keeps_what_is_spent(acme: str) -> None:
    billing.update(SYSTEM, acme, {"plan": "free"})
    begin_month(acme, 40_000)
    plans.update(SYSTEM, plan("free").id, {"included_tokens": 50_000, "hard_cap": False})
    assert running_month() == (50_000, False, 40_000)
    assert plans.own(SYSTEM, acme).used_tokens == 40_000
    billing.update(SYSTEM, acme, {"plan": "team"})
    assert running_month() == (10_000_000, False, 40_000)
    plans.update(SYSTEM, plan("team").id, {"included_tokens": None})
    assert budgets_of(acme) == [(10_000_000, False, False)]


def test_an_edit_reaches_every_account_on_the_plan(world: World, acme: str) -> None:
    other = world.other.workspace.id
    for workspace_id in (acme, other):
        billing.update(SYSTEM, workspace_id, {"plan": "team"})
    elsewhere = workspaces.create(SYSTEM, {"name": "Elsewhere"}).id
    before = {each: stamps.current(each) for each in (acme, other, elsewhere)}
    plans.update(SYSTEM, plan("team").id, {"included_tokens": 7, "requests_per_minute": 3})
    assert budgets_of(acme) == budgets_of(other) == [(7, False, True)] and budgets_of(elsewhere) == []
    changed = {each for each in before if stamps.current(each) != before[each]}
    assert changed == {acme, other}
    assert caller(world).plan.limits.requests_per_minute == 3


def test_a_trial_is_given_once_to_a_prepaid_account(acme: str) -> None:
    billing.update(SYSTEM, acme, {"plan": "free"})
    assert kinds(acme) == []  # metered: there is nothing to try it on
    billing.update(SYSTEM, acme, {"billing": "prepaid"})
    assert kinds(acme) == ["trial"]
    for fields in ({"plan": ""}, {"plan": "free"}, {"billing": "metered"}, {"billing": "prepaid"}):
        billing.update(SYSTEM, acme, fields)
    assert kinds(acme) == ["trial"]
    account = accounts.find(SYSTEM, acme).account
    assert account.balance_nano_usd == 5_000_000_000 and account.ledger_count == 1
    with pytest.raises(Conflict, match="At most 0.00 USD"):
        credits.refund(SYSTEM, acme, {"usd": "5", "ref": "cash", "reason": "A trial is no payment"})


@pytest.mark.parametrize(
    "fields",
    [
        {"billing": "credit"},
        {"plan": "gold"},
        {"rate_multiplier": "0"},
        {"rate_multiplier": "0.0000001"},
        {"rate_multiplier": "-1"},
        {"rate_multiplier": "1000.1"},
        {"rate_multiplier": "nan"},
        {"rate_multiplier": 1.5},
        {"low_balance_usd": "-1"},
        {"spend_alert_usd_per_day": "1" + 20 * "0"},
        {"balance_nano_usd": 5},
    ],
)
def test_what_makes_no_sense_is_refused(acme: str, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        billing.update(SYSTEM, acme, fields)


def test_who_may_change_what(world: World, acme: str) -> None:
    admin = actor_of(world.admin)
    billing.update(admin, acme, {"low_balance_usd": "5", "billing": "metered", "plan": ""})  # as it was
    for fields in ({"billing": "prepaid"}, {"plan": "team"}, {"rate_multiplier": "0.5"}):
        with pytest.raises(NotAllowed, match="operator"):
            billing.update(admin, acme, fields)
    with pytest.raises(NotAllowed):
        billing.update(actor_of(world.teammate), acme, {"low_balance_usd": "5"})
    with pytest.raises(NotFound):
        billing.update(actor_of(world.stranger), acme, {"low_balance_usd": "5"})
    with pytest.raises(NotFound):
        billing.update(Actor("person", None, "op", is_operator=True), acme, {"plan": "team"})
    with pytest.raises(NotAllowed):
        plans.list_all(admin)
    with pytest.raises(NotFound):
        plans.own(actor_of(world.stranger), acme)


def test_what_is_left_of_the_tokens_counts_what_is_held(acme: str) -> None:
    billing.update(SYSTEM, acme, {"plan": "team"})
    begin_month(acme, 10)

    def hold(session) -> int:  # type: ignore[no-untyped-def]
        session.scalars(select(BudgetPeriod)).one().reserved_tokens = 5
        session.flush()
        return plan_budgets.used_tokens(session, accounts.root_of(session, acme))

    assert database.transaction(hold) == 15
