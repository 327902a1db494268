"""Budgets: who may set which, what the running period obeys, and what is used of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.budgets import starts_on
from app.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from app.domain.ids import new_id
from app.models import Account, AuditEvent, Budget, BudgetPeriod
from app.services import budget_scopes, budgets, keys, workspaces
from tests.world import World, actor_of

ABSENT = "00000000-0000-4000-8000-000000000000"
USD = 1_000_000_000


@pytest.fixture
def workspace_id(world: World) -> str:
    return world.acme.workspace.id


@pytest.fixture
def key(world: World) -> tuple[str, str]:
    return "key", world.acme.key.id


def make(world: World, scope: tuple[str, str], period: str = "month", **fields: Any) -> Budget:
    return budgets.create(SYSTEM, world.acme.workspace.id, scope, period, {"usd": "10"} | fields)


def periods(budget: Budget) -> list[BudgetPeriod]:
    query = select(BudgetPeriod).where(BudgetPeriod.budget_id == budget.id).order_by(BudgetPeriod.starts_on)
    return database.read(lambda session: list(session.scalars(query)))


def spend(budget: Budget, **amounts: int) -> None:
    where = BudgetPeriod.budget_id == budget.id
    database.transaction(lambda session: session.execute(update(BudgetPeriod).where(where).values(**amounts)))


def root(world: World) -> tuple[str, str]:
    where = Account.workspace_id == world.acme.workspace.id
    return "account", database.read(lambda session: session.scalars(select(Account.id).where(where)).one())


def test_a_budget_of_every_scope_counts_for_calls(world, workspace_id, key):
    scopes = [
        root(world),
        ("project", world.acme.project.id),
        ("endpoint", world.acme.endpoint.id),
        key,
    ]
    made = [make(world, scope, period, tokens=500) for scope in scopes for period in ("request", "day")]
    asked = [(*scope, "its name") for scope in scopes]
    found = database.read(lambda session: budgets.facts(session, asked))
    assert [each.id for each in found] == sorted(row.id for row in made)
    assert {(each.cap_nano_usd, each.cap_tokens, each.hard) for each in found} == {(10 * USD, 500, True)}


def test_what_is_used_is_told_against_the_caps(world, workspace_id, key):
    budget = make(world, key, tokens=1_000)
    spend(budget, spent_nano_usd=8_299_999_999, spent_tokens=100, reserved_nano_usd=USD)
    [shown] = budgets.status(SYSTEM, workspace_id, key)
    assert (shown.percent, shown.spent_nano_usd, shown.reserved_nano_usd) == (82, 8_299_999_999, USD)
    assert shown.scope.label == "the key “Support / ci”" and shown.counts
    assert shown.resets_at is not None and shown.resets_at > datetime.now(UTC)


def test_a_changed_cap_holds_for_the_running_period_even_below_what_is_spent(world, workspace_id, key):
    budget = make(world, key)
    spend(budget, spent_nano_usd=5 * USD)
    budgets.update_caps(SYSTEM, workspace_id, budget.id, {"usd": "2", "tokens": 7, "hard": False})
    [period] = periods(budget)
    assert (period.cap_nano_usd, period.cap_tokens, period.hard) == (2 * USD, 7, False)
    assert (period.spent_nano_usd, budgets.find(SYSTEM, workspace_id, budget.id).percent) == (5 * USD, 250)


def test_past_periods_keep_the_cap_they_had(world, workspace_id, key):
    budget = make(world, key, "day")
    yesterday = starts_on("day", datetime.now(UTC) - timedelta(days=1), "UTC")

    def add_yesterday(session: Any) -> None:
        caps = {"cap_nano_usd": 10 * USD, "cap_tokens": None, "hard": True}
        session.add(BudgetPeriod(id=new_id(), budget_id=budget.id, starts_on=yesterday, **caps))

    database.transaction(add_yesterday)
    budgets.update_caps(SYSTEM, workspace_id, budget.id, {"usd": "20"})
    assert [row.cap_nano_usd for row in periods(budget)] == [10 * USD, 20 * USD]


def test_after_a_change_of_time_zone_the_day_is_the_new_zone_s(world, workspace_id, key):
    budget = make(world, key, "day")
    zones = ("Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC")  # together they see two or three dates
    for zone in zones:
        workspaces.update(SYSTEM, workspace_id, {"timezone": zone})
        budgets.update_caps(SYSTEM, workspace_id, budget.id, {"usd": str(zones.index(zone) + 20)})
        spend(budget, spent_nano_usd=USD)
    rows, now = {row.starts_on: row for row in periods(budget)}, datetime.now(UTC)
    assert set(rows) == {starts_on("day", now, zone) for zone in zones}
    today = starts_on("day", now, "UTC")
    assert {row.cap_nano_usd for first, row in rows.items() if first >= today} == {22 * USD}
    assert budgets.find(SYSTEM, workspace_id, budget.id).spent_nano_usd == USD


def test_switched_off_it_counts_no_more_and_comes_back_when_set_again(world, workspace_id, key):
    budget = make(world, key)
    asked = [(*key, "its name")]
    budgets.update_caps(SYSTEM, workspace_id, budget.id, {"active": False})
    assert database.read(lambda session: budgets.facts(session, asked)) == ()
    assert not budgets.find(SYSTEM, workspace_id, budget.id).counts
    again = make(world, key, usd="3")
    assert (again.id, again.active, again.cap_nano_usd) == (budget.id, True, 3 * USD)
    assert [row.cap_nano_usd for row in periods(budget)] == [3 * USD]


def test_one_per_scope_and_period(world, key):
    make(world, key)
    make(world, key, "day")
    with pytest.raises(Conflict):
        make(world, key)


def test_the_budget_of_a_revoked_key_harms_nothing(world, workspace_id, key):
    make(world, key)
    keys.revoke(SYSTEM, workspace_id, world.acme.key.id)
    [shown] = budgets.status(SYSTEM, workspace_id)
    assert not shown.counts and shown.scope.name == "ci"
    assert key not in {(scope.type, scope.id) for scope in budget_scopes.pickable(SYSTEM, workspace_id)}


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"usd": ""}, {"usd"}),
        ({"usd": None}, {"usd"}),
        ({"usd": "0"}, {"usd"}),
        ({"usd": "-1"}, {"usd"}),
        ({"usd": "NaN"}, {"usd"}),
        ({"usd": "0.0000000001"}, {"usd"}),
        ({"usd": "99999999999"}, {"usd"}),
        ({"usd": 1}, {"usd"}),
        ({"tokens": 0}, {"tokens"}),
        ({"tokens": True}, {"tokens"}),
        ({"tokens": 1.5, "hard": "yes"}, {"tokens", "hard"}),
        ({"colour": "red"}, {"colour"}),
    ],
)
def test_what_is_no_limit_is_refused(world, key, fields, wrong):
    with pytest.raises(InvalidInput) as refused:
        make(world, key, **fields)
    assert set(refused.value.errors) == wrong


def test_the_smallest_budget_is_a_billionth_of_a_dollar(world, key):
    assert make(world, key, usd="0.000000001").cap_nano_usd == 1


def test_unknown_kinds_and_foreign_things_are_refused(world, workspace_id):
    for scope in (("plan", root(world)[1]), ("planet", ABSENT)):
        with pytest.raises(InvalidInput):
            make(world, scope)
    for scope in (("key", world.other.key.id), ("project", ABSENT), ("endpoint", "x")):
        with pytest.raises(NotFound):
            make(world, scope)
    with pytest.raises(InvalidInput):
        make(world, root(world), "week")


def test_admins_set_them_and_everybody_here_sees_them(world, workspace_id, key):
    admin, editor, stranger = (actor_of(who) for who in (world.admin, world.teammate, world.stranger))
    budget = budgets.create(admin, workspace_id, key, "day", {"tokens": 10})
    assert [shown.budget.id for shown in budgets.status(actor_of(world.viewer), workspace_id)] == [budget.id]
    with pytest.raises(NotAllowed):
        budgets.create(editor, workspace_id, key, "month", {"tokens": 10})
    with pytest.raises(NotAllowed):
        budgets.update_caps(editor, workspace_id, budget.id, {"tokens": 11})
    with pytest.raises(NotFound):
        budgets.status(stranger, workspace_id)
    with pytest.raises(NotFound):
        budgets.update_caps(stranger, world.other.workspace.id, budget.id, {"tokens": 11})


def test_every_change_is_in_the_activity_log_and_nothing_is_not(world, workspace_id, key):
    budget = make(world, key)
    for fields in ({"usd": "10"}, {"usd": "11"}, {"active": False}, {"active": True}):
        budgets.update_caps(SYSTEM, workspace_id, budget.id, fields)
    query = select(AuditEvent).where(AuditEvent.object_id == budget.id).order_by(AuditEvent.id)
    events = database.read(lambda session: list(session.scalars(query)))
    assert [event.action.partition(".")[2] for event in events] == [
        "create",
        "change",
        "deactivate",
        "activate",
    ]
    assert events[1].changes == {"usd": ["10.00", "11.00"]}
