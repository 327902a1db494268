"""What happens twice is charged once, at the price and in the period of its reserve (H3, H9, H10, H13)."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import update

from app.database import database
from app.models import BudgetPeriod, LedgerEntry, Reservation, Workspace
from app.services import holds, settlements, stamps, sweeper
from tests.databases import ON_POSTGRESQL
from tests.money import USD, account_of, make_prepaid, mistakes, rows, set_budget
from tests.providers_world import add_endpoint, add_provider, set_price
from tests.upstream import Upstream
from tests.upstream_replies import Cut, Reply, Reset, error_reply, openai_completion, openai_stream
from tests.world import World

RACES = 200 if ON_POSTGRESQL else 40


@pytest.fixture
def paid(world: World, upstream: Upstream) -> str:
    """An endpoint on two models of one price, on a prepaid account; returns its path."""
    add_provider(world.acme, upstream, "up")
    for model in ("up/m", "up/second"):
        set_price(world.acme, model, input_usd_per_million="1", output_usd_per_million="2")
    make_prepaid(world.acme, 1_000 * USD)
    return add_endpoint(world.acme, "paid", "up/m", "up/second", max_output_tokens=100)


def call(client: FlaskClient, world: World, path: str, **body: Any) -> Any:
    return client.post(path, json={"message": "Hi", **body}, headers=world.acme.headers)


def charges() -> list[LedgerEntry]:
    return [entry for entry in rows(LedgerEntry, LedgerEntry.number) if entry.kind == "charge"]


FAILURES = {
    "500": error_reply(500),
    "429": error_reply(429, retry_after="1"),
    "503": error_reply(503),
    "cut": Reply([Cut], framing="raw"),
    "reset": Reply([Reset], framing="raw"),
    "nonsense": Reply([b"<html>"], framing="length"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_call_that_moved_on_is_charged_once(
    client: FlaskClient, world: World, upstream: Upstream, paid: str, failure: str
) -> None:
    upstream.script("m", FAILURES[failure])
    upstream.script("second", openai_completion("Hello", {"prompt_tokens": 10, "completion_tokens": 5}))
    assert call(client, world, paid).status_code == 200
    assert len(upstream.requests) >= 2
    assert [entry.amount_nano_usd for entry in charges()] == [20_000]
    assert len(rows(Reservation)) == 1 and mistakes() == []


def test_a_commit_whose_answer_was_lost_is_not_booked_again(
    client: FlaskClient, world: World, upstream: Upstream, paid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, settled = holds.end, []
    monkeypatch.setattr(holds, "end", lambda *ending: settled.append(ending) or real(*ending))
    call(client, world, paid)
    before = account_of(world.acme).balance_nano_usd
    assert real(*settled[0]) is None
    assert account_of(world.acme).balance_nano_usd == before
    assert len(charges()) == 1 and mistakes() == []


def test_the_sweeper_and_a_late_settlement_never_both_charge(
    client: FlaskClient, world: World, upstream: Upstream, paid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.script("m", openai_completion("Hello", {"prompt_tokens": 10, "completion_tokens": 5}))
    with monkeypatch.context() as patch:
        patch.setattr(holds, "settle", lambda record: None)
        for _ in range(RACES):
            call(client, world, paid)
    payer = account_of(world.acme).id
    late = [settlements.Ending(row.id, "succeeded", 20_000, 15) for row in rows(Reservation)]
    later = datetime.now(UTC) + timedelta(minutes=12)
    settling = threading.Thread(target=lambda: [holds.end(ending, payer) for ending in late])
    settling.start()
    swept = 0
    while found := sweeper.sweep(later):
        swept += found
    settling.join()
    outcomes = Counter(row.outcome for row in rows(Reservation))
    assert outcomes["crashed"] == swept and outcomes.total() == RACES
    assert set(outcomes) <= {"crashed", "succeeded"}
    assert len(charges()) == RACES and account_of(world.acme).reserved_nano_usd == 0
    assert mistakes() == []


def test_a_price_changed_during_a_call_counts_from_the_next_one(
    client: FlaskClient, world: World, upstream: Upstream, paid: str
) -> None:
    upstream.script("m", openai_stream("Hello", usage={"prompt_tokens": 10, "completion_tokens": 5}))
    answer = client.post(paid, json={"message": "Hi", "stream": True}, headers=world.acme.headers)
    set_price(world.acme, "up/m", input_usd_per_million="100", output_usd_per_million="200")
    assert b"Hello" in answer.data
    assert [entry.amount_nano_usd for entry in charges()] == [20_000]
    assert call(client, world, paid, stream=True).data
    assert [entry.amount_nano_usd for entry in charges()] == [20_000, 2_000_000]
    assert mistakes() == []


@pytest.mark.parametrize("period", ["day", "month"])
def test_a_call_over_midnight_counts_in_the_period_it_began_in(
    client: FlaskClient, world: World, upstream: Upstream, paid: str, period: str
) -> None:
    zone = update(Workspace).where(Workspace.id == world.acme.workspace.id).values(timezone="Asia/Kolkata")
    database.transaction(lambda session: session.execute(zone))
    set_budget(world.acme, "project", world.acme.project.id, period, usd=USD)
    stamps.renew(world.acme.workspace.id)
    upstream.script("m", openai_stream("Hello", usage={"prompt_tokens": 10, "completion_tokens": 5}))
    before = datetime(2031, 3, 31, 18, 29, 58, tzinfo=UTC)  # two seconds to midnight and April in Kolkata
    with time_machine.travel(before, tick=False) as clock:
        answer = client.post(paid, json={"message": "Hi", "stream": True}, headers=world.acme.headers)
        clock.shift(4)
        assert b"Hello" in answer.data
        assert call(client, world, paid, stream=True).data
    counted = {row.starts_on: (row.spent_nano_usd, row.reserved_nano_usd) for row in rows(BudgetPeriod)}
    first = date(2031, 3, 31) if period == "day" else date(2031, 3, 1)
    assert counted == {first: (20_000, 0), date(2031, 4, 1): (20_000, 0)}
    assert mistakes() == []
