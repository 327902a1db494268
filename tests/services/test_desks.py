"""Many calls held and ended with one statement: each as if it came alone, and the books add up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from app.database import database
from app.domain.budgets import starts_on
from app.domain.errors import Overloaded
from app.domain.ids import new_id
from app.models import Alert, Budget, BudgetPeriod, Reservation
from app.services import desks, settlements
from app.services.desks import Desk, Ticket
from app.services.settlements import Ending
from tests.databases import ON_POSTGRESQL
from tests.money import USD, account_of, make_prepaid, mistakes, rows, set_budget
from tests.world import Tenant, World

pytestmark = pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has one writer, who takes calls one by one")
CALLS = 50


@pytest.fixture(autouse=True)
def lanes() -> Iterator[None]:
    """Whatever a test has open is closed before its database is dropped."""
    yield
    for name in ("hold", "end"):
        database.lane(name).close()


def call(tenant: Tenant, nano_usd: int, periods: tuple[str, ...] = (), **changes: Any) -> dict[str, Any]:
    """Return a reservation's row."""
    now = datetime.now(UTC)
    account = account_of(tenant)
    return {
        "id": new_id(), "workspace_id": tenant.workspace.id, "account_id": account.id,
        "prepaid": account.billing == "prepaid", "amount_nano_usd": nano_usd, "amount_tokens": 10,
        "input_nano_usd": 0, "input_tokens": 0, "period_ids": sorted(periods), "price": {}, "about": {},
        "created_at": now, "expires_at": now + timedelta(minutes=11), **changes,
    }  # fmt: skip


def ended(row: dict[str, Any], cost: int) -> dict[str, Any]:
    """Return how the call ends."""
    ending = Ending(row["id"], "succeeded" if cost else "failed", cost, tokens=min(cost, 10), keyed=False)
    return settlements.values_of(ending, 0, datetime.now(UTC))


def period(tenant: Tenant, usd: int, *, hard: bool = True) -> str:
    """Make a monthly budget of some key, which is running; return the period's id."""
    budget_id = set_budget(tenant, "key", new_id(), "month", usd=usd, hard=hard)
    made = BudgetPeriod(
        id=new_id(), budget_id=budget_id, starts_on=starts_on("month", datetime.now(UTC), "UTC"), hard=hard,
        cap_nano_usd=usd,
    )  # fmt: skip
    database.transaction(lambda session: session.add(made))
    return made.id


def serve(desk: Desk, asked: list[dict[str, Any]]) -> list[Ticket]:
    """Serve the calls as one batch; many more as a few."""
    tickets = [Ticket(desks.orjson.dumps(row)) for row in asked]
    desk._waiting.extend(tickets)
    while desk._waiting:
        desk._serve_some()
    assert all(ticket.served for ticket in tickets)
    return tickets


def at_once(work: Callable[[int], Any], count: int = CALLS) -> list[Any]:
    """Run the work in as many threads; return what came of it: a value or an error."""
    found: list[Any] = [None] * count

    def run(number: int) -> None:
        try:
            found[number] = work(number)
        except Exception as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_a_balance_for_17_calls_holds_17_of_50_that_come_at_once(world: World) -> None:
    make_prepaid(world.acme, 17 * 100 + 99)
    asked = [call(world.acme, 100) for _ in range(CALLS)]
    tickets = at_once(lambda number: desks.holding.ask(asked[number]))
    held = [row for row, ticket in zip(asked, tickets, strict=True) if ticket.answer is True]
    assert len(held) == 17 and sum(ticket.answer is False for ticket in tickets) == CALLS - 17
    assert mistakes() == []
    charged = at_once(lambda number: desks.ending.ask(ended(held[number], number)).answer, 17)
    assert [answer[0] for answer in charged] == list(range(17))
    assert account_of(world.acme).reserved_nano_usd == 0 and mistakes() == []


def test_a_call_that_is_too_dear_stands_in_nobodys_way(world: World) -> None:
    make_prepaid(world.acme, 100)
    amounts = (200, 60, 50, 40, 1)
    tickets = serve(desks.holding, [call(world.acme, amount) for amount in amounts])
    assert [ticket.answer for ticket in tickets] == [False, True, False, True, False]
    assert mistakes() == []


def test_a_call_ends_once_however_often_it_is_ended(world: World) -> None:
    make_prepaid(world.acme, USD)
    row = call(world.acme, 100)
    assert serve(desks.holding, [row])[0].answer
    answers = [ticket.answer for ticket in serve(desks.ending, [ended(row, 70), ended(row, 70)])]
    assert sorted(answers, key=str) == [(70, 0, world.acme.workspace.id), None]
    assert serve(desks.ending, [ended(row, 70)])[0].answer is None
    assert account_of(world.acme).balance_nano_usd == USD - 70 and mistakes() == []


def test_one_that_cannot_be_booked_goes_alone_and_the_others_are_served(world: World) -> None:
    make_prepaid(world.acme, USD)
    asked = [call(world.acme, 10) for _ in range(9)]
    asked[4]["about"] = {"text": "\0"}
    asked[7]["id"] = asked[2]["id"]
    tickets = serve(desks.holding, asked)
    assert [number for number, ticket in enumerate(tickets) if ticket.alone] == [4, 7]
    assert sum(ticket.answer is True for ticket in tickets) == 7 == len(rows(Reservation))
    assert mistakes() == []


def test_an_end_that_brings_a_budget_to_a_level_goes_alone_to_tell_of_it(world: World) -> None:
    make_prepaid(world.acme, USD)
    place = period(world.acme, 100)
    asked = [call(world.acme, 25, (place,)) for _ in range(4)]
    assert all(ticket.answer for ticket in serve(desks.holding, asked))
    tickets = serve(desks.ending, [ended(row, 25) for row in asked])
    assert [ticket.alone for ticket in tickets] == [False, False, False, True]
    ending = Ending(asked[3]["id"], "succeeded", 25, tokens=10)
    database.transaction(lambda session: settlements.end(session, ending))
    assert {alert.kind for alert in rows(Alert)} == {"budget_80", "budget_100"} and mistakes() == []


def test_who_finds_rows_held_goes_alone(world: World) -> None:
    make_prepaid(world.acme, USD)
    row, account_id = call(world.acme, 10), account_of(world.acme).id
    tickets: list[Ticket] = []

    def hold(session: Any) -> None:
        session.execute(text("SELECT 1 FROM accounts WHERE id = :id FOR UPDATE"), {"id": account_id})
        thread = threading.Thread(target=lambda: tickets.extend(serve(desks.holding, [row])))
        thread.start()
        thread.join()

    database.transaction(hold)
    assert tickets[0].alone and rows(Reservation) == []


def kill_lanes(session: Any) -> None:
    """End the servers of all connections that are not this one."""
    mine = "pid <> pg_backend_pid() AND datname = current_database()"
    session.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}"))


def test_a_connection_that_died_while_nobody_used_it_is_replaced(world: World) -> None:
    make_prepaid(world.acme, USD)
    assert serve(desks.holding, [call(world.acme, 10)])[0].answer
    database.transaction(kill_lanes)
    assert serve(desks.holding, [call(world.acme, 10)])[0].answer
    assert mistakes() == []


def test_servers_killed_under_batches_leave_all_or_nothing(world: World) -> None:
    make_prepaid(world.acme, USD)
    asked = [call(world.acme, 10) for _ in range(400)]
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.02):
            try:
                database.transaction(kill_lanes)
            except Exception:
                continue

    killer = threading.Thread(target=kill)
    killer.start()

    def some(number: int) -> list[str]:
        found = []
        for row in asked[number::20]:
            try:
                assert desks.holding.ask(row).answer
                desks.ending.ask(ended(row, 5))
            except Overloaded:
                found.append(row["id"])
        return found

    away = at_once(some, 20)
    over.set()
    killer.join()
    assert not [each for each in away if isinstance(each, Exception)]
    database.lane("hold").close()
    still = [row for row in rows(Reservation) if row.state == "held"]
    assert {row.id for row in still} <= {request_id for each in away for request_id in each}
    assert mistakes() == []
    assert serve(desks.ending, [ended({"id": row.id}, 0) for row in still]) is not None
    assert account_of(world.acme).reserved_nano_usd == 0 and mistakes() == []


CALL = st.tuples(st.sampled_from(("acme", "other")), st.integers(0, 40), st.sets(st.sampled_from((0, 1, 2))))


@settings(max_examples=25, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    calls=st.lists(CALL, min_size=1, max_size=12),
    costs=st.lists(st.integers(0, 50), min_size=12, max_size=12),
)
def test_a_batch_never_oversells_and_refuses_only_what_does_not_fit(
    world: World, calls: list[tuple[str, int, set[int]]], costs: list[int]
) -> None:
    tenants = prepared(world)
    places = [period_of(tenants["acme"], number) for number in range(3)]
    asked = [
        call(tenants[name], amount, tuple(places[number] for number in numbers))
        for name, amount, numbers in calls
    ]
    tickets = serve(desks.holding, asked)
    assert not any(ticket.alone for ticket in tickets) and mistakes() == []
    for row, ticket in zip(asked, tickets, strict=True):
        assert ticket.answer or not fits(row, tenants)
    held = [row for row, ticket in zip(asked, tickets, strict=True) if ticket.answer]
    endings = serve(desks.ending, [ended(row, costs[number]) for number, row in enumerate(held)])
    for row, ticket, cost in zip(held, endings, costs, strict=False):
        assert ticket.alone or ticket.answer[:2] == (
            min(cost, row["amount_nano_usd"]), max(0, cost - row["amount_nano_usd"])
        )  # fmt: skip
    assert mistakes() == []
    left = [ended(row, 0) for row, ticket in zip(held, endings, strict=True) if ticket.alone]
    serve(desks.ending, left)
    assert mistakes() == [] and all(account_of(t).reserved_nano_usd == 0 for t in tenants.values())


def prepared(world: World) -> dict[str, Tenant]:
    """Return two prepaid tenants, of which the first has three budgets: two hard, one soft."""
    tenants = {"acme": world.acme, "other": world.other}
    if account_of(world.acme).billing != "prepaid":
        for tenant in tenants.values():
            make_prepaid(tenant, 400)
        for usd, hard in ((300, True), (350, True), (10, False)):
            period(world.acme, usd, hard=hard)
    return tenants


def period_of(tenant: Tenant, number: int) -> str:
    """Return the id of one of the tenant's budget periods."""
    query = select(BudgetPeriod.id).join(Budget).order_by(BudgetPeriod.cap_nano_usd)
    return database.read(lambda session: list(session.scalars(query)))[number]


def fits(row: dict[str, Any], tenants: dict[str, Tenant]) -> bool:
    """Say whether the call would fit into what is free now."""
    (account,) = [a for a in map(account_of, tenants.values()) if a.id == row["account_id"]]
    free = [account.balance_nano_usd - account.reserved_nano_usd]
    for place in rows(BudgetPeriod):
        if place.hard and place.id in row["period_ids"]:
            free.append(place.cap_nano_usd - place.spent_nano_usd - place.reserved_nano_usd)
    return bool(row["amount_nano_usd"] <= min(free))
