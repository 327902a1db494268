"""What a desk does where an answer, a connection or a waiting call is lost (PostgreSQL)."""

from __future__ import annotations

from typing import Any

import pytest

from app.database import database
from app.domain.errors import Overloaded
from app.prepared import Lane
from app.services import desks, holds
from app.services.desks import Desk, Ticket, Unsure
from app.services.settlements import Ending
from tests.databases import ON_POSTGRESQL
from tests.money import USD, account_of, make_prepaid, mistakes
from tests.services.test_desks import call, lanes, serve
from tests.world import World

__all__ = ["lanes"]
pytestmark = pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has one writer, who takes calls one by one")


def test_statements_that_somebody_between_forgot_are_prepared_anew(world: World) -> None:
    make_prepaid(world.acme, USD)
    assert serve(desks.holding, [call(world.acme, 10)])[0].answer
    lane = database.lane("hold")
    assert lane._connection is not None
    lane._connection.execute("DEALLOCATE ALL")
    assert [ticket.answer for ticket in serve(desks.holding, [call(world.acme, 10) for _ in range(3)])] == [
        True
    ] * 3
    assert mistakes() == []


def test_a_hold_whose_answer_was_lost_is_given_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    make_prepaid(world.acme, USD)
    row, answer = call(world.acme, 10), Lane._answer

    def lost(lane: Lane, pgconn: Any) -> Any:
        found = answer(lane, pgconn)
        if found.ntuples:
            raise ConnectionError
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Lane, "_answer", lost)
        with pytest.raises(Unsure):
            desks.holding.ask(row)
    assert account_of(world.acme).reserved_nano_usd == 10
    ending = Ending(row["id"], "failed", keyed=False, alone=True)
    monkeypatch.setattr(holds, "RETRY_PAUSE_SECONDS", 0)
    holds.settle_later(ending, row["account_id"], 6)
    assert account_of(world.acme).reserved_nano_usd == 0 and mistakes() == []


def test_what_was_never_sent_is_surely_not_held(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    database.lane("hold").close()
    monkeypatch.setattr(database.lane("hold"), "_connect", lambda: 1 / 0)
    with pytest.raises(Overloaded) as refused:
        desks.holding.ask(call(world.acme, 10))
    assert not isinstance(refused.value, Unsure)


def test_who_is_killed_while_it_waits_leaves_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    class Dying:
        def acquire(self) -> None:
            raise Killed

    def dying(row: bytes) -> Ticket:
        ticket = Ticket(row)
        ticket.roused = Dying()  # type: ignore[assignment]
        return ticket

    desk = Desk("hold", "", desks.tell_held)
    desk._lead.pop()  # somebody leads
    monkeypatch.setattr(desks, "Ticket", dying)
    with pytest.raises(Killed):
        desk.ask({})
    assert not desk._waiting
