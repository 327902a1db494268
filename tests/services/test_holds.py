"""Holding and charging through the door: what a call costs, what it may not pass, what is given back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from app.database import database
from app.models import Alert, BudgetPeriod, DailySpend, Endpoint, IdempotencyKey, LedgerEntry, Reservation
from app.services import holds, settlements, sweeper
from app.services import records as record_writer
from tests.money import USD, account_of, make_prepaid, rows, set_budget
from tests.providers_world import add_endpoint, add_provider, records, set_price
from tests.upstream import Upstream
from tests.upstream_replies import (
    SSE,
    Cut,
    Reply,
    error_reply,
    openai_completion,
    openai_events,
    openai_stream,
)
from tests.world import World

HOSTILE: list[Any] = [
    {"prompt_tokens": -5, "completion_tokens": 3},
    {"prompt_tokens": "1000", "completion_tokens": "7"},
    {"prompt_tokens": True, "completion_tokens": True},
    {"prompt_tokens": 10**18, "completion_tokens": 10**18},
    {"prompt_tokens": 400_000_000, "completion_tokens": 400_000_000},
    {"prompt_tokens": None, "completion_tokens": None},
    {"prompt_tokens": 1.5, "completion_tokens": 2.5},
    {}, [], "x", 7, None,
]  # fmt: skip


def usage(tokens_in: int, tokens_out: int) -> dict[str, int]:
    return {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
    }


@pytest.fixture
def paid(world: World, upstream: Upstream) -> str:
    """An endpoint at $1 per million tokens in, $2 out, on a prepaid account of $1; returns its path."""
    add_provider(world.acme, upstream, "up")
    set_price(world.acme, "up/m", input_usd_per_million="1", output_usd_per_million="2")
    make_prepaid(world.acme, USD)
    return add_endpoint(world.acme, "paid", "up/m", "up/second")


@pytest.fixture(autouse=True)
def second_price(world: World, upstream: Upstream) -> None:
    set_price(world.acme, "up/second", input_usd_per_million="3", output_usd_per_million="4")


def call(client: FlaskClient, world: World, path: str, headers: Any = None, **body: Any) -> Any:
    named = world.acme.headers | (headers or {})
    return client.post(path, json={"message": "Hi", **body}, headers=named)


def assert_books(world: World) -> None:
    """Nothing is held any more, and the balance is the sum of the ledger."""
    account, entries = account_of(world.acme), rows(LedgerEntry, LedgerEntry.number)
    sums = [e.amount_nano_usd if e.to_side == "account" else -e.amount_nano_usd for e in entries]
    assert account.reserved_nano_usd == 0
    assert account.balance_nano_usd == sum(sums) >= 0
    assert [e.number for e in entries] == list(range(1, len(entries) + 1))
    assert all(row.state != "held" for row in rows(Reservation))


def test_a_call_is_charged_what_it_used(
    client: FlaskClient, world: World, upstream: Upstream, paid: str
) -> None:
    upstream.script("m", openai_completion("Hello", usage(1_000, 500)))
    assert call(client, world, paid, message="x" * 4_000).status_code == 200
    row = rows(Reservation)[0]
    assert row.state == "settled" and row.charged_nano_usd == 2_000_000 < row.amount_nano_usd
    assert account_of(world.acme).balance_nano_usd == USD - 2_000_000
    last = rows(LedgerEntry, LedgerEntry.number)[-1]
    assert (last.kind, last.amount_nano_usd, last.ref) == ("charge", 2_000_000, row.id)
    record = records()[0]
    assert (record.cost_nano_usd, record.held_nano_usd) == (2_000_000, row.amount_nano_usd)
    spent = {(s.scope_type, s.spent_nano_usd, s.ledger_nano_usd) for s in rows(DailySpend)}
    assert spent == {("account", 2_000_000, 2_000_000), ("provider", 2_000_000, 0)}
    assert_books(world)


def test_a_limit_is_set_where_the_client_sets_none(
    client: FlaskClient, world: World, upstream: Upstream, paid: str
) -> None:
    call(client, world, paid)
    assert upstream.requests[-1].json["max_tokens"] == 16_384
    assert_books(world)


def test_a_small_balance_buys_a_shorter_answer(
    client: FlaskClient, world: World, upstream: Upstream, paid: str
) -> None:
    make_small(world, 2_000_000)
    assert call(client, world, paid).status_code == 200
    assert 16 <= upstream.requests[-1].json["max_tokens"] <= 500
    assert_books(world)


def make_small(world: World, nano_usd: int) -> None:
    """Leave only so much of the balance."""

    def work(session: Any) -> None:
        account = session.merge(account_of(world.acme))
        account.ledger_count += 1
        entry = {"number": account.ledger_count, "kind": "adjustment", "ref": "small"}
        amounts = {"amount_nano_usd": account.balance_nano_usd - nano_usd, "balance_after_nano_usd": nano_usd}
        sides = {"from_side": "account", "to_side": "corrections"}
        ids = {"workspace_id": account.workspace_id, "account_id": account.id}
        session.add(LedgerEntry(**ids, **entry, **amounts, **sides))
        account.balance_nano_usd = nano_usd

    database.transaction(work)


def test_too_little_says_what_is_missing_and_what_would_fit(
    client: FlaskClient, world: World, upstream: Upstream, paid: str
) -> None:
    make_small(world, 1_000_000)
    path = f"/api/{world.acme.project.id}/v1/chat/completions"
    body = {"model": "paid", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1_000}
    answer = client.post(path, json=body, headers=world.acme.headers)
    assert answer.status_code == 402
    error = answer.json["error"]
    assert error["code"] == "insufficient_balance"
    assert error["message"].startswith("Insufficient credit balance. This call can cost up to $0.004")
    fitting = int(error["message"].split("lower max_tokens to ")[1].rstrip("."))
    assert (
        client.post(path, json=body | {"max_tokens": fitting}, headers=world.acme.headers).status_code == 200
    )
    assert len(upstream.requests) == 1
    assert_books(world)


def test_an_empty_balance_refuses_on_the_native_route_too(
    client: FlaskClient, world: World, upstream: Upstream, paid: str
) -> None:
    make_small(world, 1)
    answer = call(client, world, paid)
    assert answer.status_code == 402 and answer.json["error"].startswith("Insufficient credit balance")
    assert not upstream.requests and not rows(Reservation)


def test_a_model_without_a_price_is_refused_before_it_is_asked(
    client: FlaskClient, world: World, upstream: Upstream, paid: str
) -> None:
    path = add_endpoint(world.acme, "unpriced", "up/mystery")
    answer = call(client, world, path)
    assert answer.status_code == 400 and answer.json["error"].startswith("Unknown model pricing: up/mystery")
    assert not upstream.requests


def test_the_dearest_model_of_the_chain_is_held_and_the_one_that_answers_is_charged(
    client: FlaskClient, world: World, upstream: Upstream, paid: str
) -> None:
    upstream.script("m", error_reply(500))
    upstream.script("second", openai_completion("Hello", usage(1_000, 100)))
    assert call(client, world, paid, message="x" * 4_000).status_code == 200
    assert rows(Reservation)[0].charged_nano_usd == 3_400_000
    assert_books(world)


def test_failed_calls_cost_nothing(client: FlaskClient, world: World, upstream: Upstream, paid: str) -> None:
    for model in ("m", "second"):
        upstream.script(model, error_reply(500))
    assert call(client, world, paid).status_code == 502
    assert rows(Reservation)[0].state == "voided"
    assert account_of(world.acme).balance_nano_usd == USD
    assert_books(world)


@pytest.mark.parametrize("hostile", HOSTILE, ids=repr)
@pytest.mark.parametrize("streamed", [False, True])
def test_no_usage_can_charge_more_than_was_held(
    client: FlaskClient, world: World, upstream: Upstream, paid: str, hostile: Any, streamed: bool
) -> None:
    reply = openai_stream("Hello", usage=hostile) if streamed else openai_completion("Hello", hostile)
    upstream.script("m", reply)
    answer = call(client, world, paid, stream=streamed)
    assert answer.status_code == 200 and answer.data
    row = rows(Reservation)[0]
    assert row.state == "settled" and 0 < row.charged_nano_usd <= row.amount_nano_usd
    assert_books(world)


@pytest.mark.parametrize("name", ["m\0", "m" * 5_000], ids=["with a NUL", "far too long"])
def test_no_name_of_a_model_keeps_a_call_from_being_charged(
    client: FlaskClient, world: World, upstream: Upstream, paid: str, name: str
) -> None:
    upstream.script("m", openai_completion("Hello", usage(1_000, 100), model=name))
    call(client, world, paid)
    assert rows(Reservation)[0].state == "settled"
    assert_books(world)


def test_what_costs_more_than_was_held_is_the_operators(
    client: FlaskClient, world: World, upstream: Upstream, paid: str
) -> None:
    upstream.script("m", openai_completion("Hello", usage(10_000_000, 5)))
    call(client, world, paid)
    row, record = rows(Reservation)[0], records()[0]
    assert row.charged_nano_usd == row.amount_nano_usd == record.cost_nano_usd
    assert record.shortfall_nano_usd == row.shortfall_nano_usd == 10_000_010_000 - row.amount_nano_usd
    assert_books(world)


def test_a_cut_stream_is_charged_for_what_came(
    client: FlaskClient, world: World, upstream: Upstream, paid: str
) -> None:
    events = [*openai_events("Hello ", "there", usage=None, finish=None, done=False)]
    upstream.script("m", Reply([*events, Cut], headers=SSE))
    assert b"error" in call(client, world, paid, stream=True).data
    row = rows(Reservation)[0]
    assert row.outcome == "cut" and 0 < row.charged_nano_usd < 100_000
    assert_books(world)


@pytest.mark.parametrize("scope", ["account", "project", "key", "endpoint"])
@pytest.mark.parametrize("period", ["day", "month"])
def test_a_budget_stops_calls_on_a_metered_account(
    client: FlaskClient, world: World, upstream: Upstream, scope: str, period: str
) -> None:
    add_provider(world.acme, upstream, "up")
    set_price(world.acme, "up/m", input_usd_per_million="0", output_usd_per_million="1000")
    upstream.script("m", openai_completion("Hello", usage(0, 10)))
    path = add_endpoint(world.acme, "capped", "up/m", max_output_tokens=10)
    ids = {"account": account_of(world.acme).id, "project": world.acme.project.id, "key": world.acme.key.id}
    ids["endpoint"] = next(row.id for row in rows(Endpoint) if row.slug == "capped")
    set_budget(world.acme, scope, ids[scope], period, usd=20_000_000)
    answers = [call(client, world, path) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 422]
    assert answers[2].json["error"].startswith("Budget exceeded. The ")
    assert len(upstream.requests) == 2
    counted = rows(BudgetPeriod)[0]
    assert (counted.spent_nano_usd, counted.reserved_nano_usd, counted.spent_tokens) == (20_000_000, 0, 20)


def test_a_budget_that_refuses_with_little_left_is_told_as_used_up(
    client: FlaskClient, world: World, upstream: Upstream
) -> None:
    add_provider(world.acme, upstream, "up")
    set_price(world.acme, "up/m", input_usd_per_million="0", output_usd_per_million="1000")
    upstream.script("m", openai_completion("Hello", usage(0, 10)))
    path = add_endpoint(world.acme, "capped", "up/m", max_output_tokens=10)
    set_budget(world.acme, "project", world.acme.project.id, "day", usd=10_300_000)
    assert [call(client, world, path).status_code for _ in range(2)] == [200, 422]
    assert {alert.kind for alert in rows(Alert)} >= {"budget_80", "budget_100"}


def test_a_token_budget_needs_no_price(client: FlaskClient, world: World, upstream: Upstream) -> None:
    add_provider(world.acme, upstream, "up")
    upstream.script("mystery", openai_completion("Hello", usage(5, 5)))
    path = add_endpoint(world.acme, "unpriced", "up/mystery", max_output_tokens=10)
    set_budget(world.acme, "project", world.acme.project.id, "day", tokens=10_000)
    assert call(client, world, path).status_code == 200
    assert rows(BudgetPeriod)[0].spent_tokens == 10 and records()[0].cost_nano_usd is None


def test_a_soft_budget_only_counts(client: FlaskClient, world: World, upstream: Upstream) -> None:
    add_provider(world.acme, upstream, "up")
    path = add_endpoint(world.acme, "soft", "up/mystery")
    set_budget(world.acme, "project", world.acme.project.id, "day", tokens=1, hard=False)
    assert call(client, world, path).status_code == 200
    assert rows(BudgetPeriod)[0].spent_tokens == 10


def test_a_cap_per_call_shortens_the_answer_or_refuses(
    client: FlaskClient, world: World, upstream: Upstream
) -> None:
    add_provider(world.acme, upstream, "up")
    path = add_endpoint(world.acme, "small", "up/mystery")
    set_budget(world.acme, "key", world.acme.key.id, "request", tokens=2_000)
    assert call(client, world, path).status_code == 200
    assert upstream.requests[-1].json["max_tokens"] < 2_000
    answer = call(client, world, path, message="x" * 3_000)
    assert answer.status_code == 422 and "The budget per call of this key has" in answer.json["error"]
    assert not rows(Reservation)


def test_a_dead_call_is_charged_its_input_once(
    client: FlaskClient, world: World, upstream: Upstream, paid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "settle", lambda record: None)
    monkeypatch.setattr(record_writer, "write", lambda record: None)
    call(client, world, paid, message="x" * 4_000)
    row = rows(Reservation)[0]
    assert sweeper.sweep() == 0 and rows(Reservation)[0].state == "held"
    later = datetime.now(UTC) + timedelta(minutes=12)
    assert (sweeper.sweep(later), sweeper.sweep(later)) == (1, 0)
    assert account_of(world.acme).balance_nano_usd == USD - row.input_nano_usd < USD
    assert rows(Reservation)[0].outcome == "crashed"
    (dead,) = records()
    assert (dead.outcome, dead.cost_nano_usd, dead.endpoint_slug) == ("crashed", row.input_nano_usd, "paid")
    assert dead.key_id == world.acme.key.id
    assert_books(world)


def test_settling_twice_charges_once(
    client: FlaskClient, world: World, upstream: Upstream, paid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    endings: list[settlements.Ending] = []
    real = holds.end
    monkeypatch.setattr(holds, "end", lambda ending, payer: endings.append(ending) or real(ending, payer))
    call(client, world, paid)
    assert real(endings[0], account_of(world.acme).id) is None
    assert database.transaction(lambda session: settlements.end(session, endings[0])) is None
    assert len(rows(LedgerEntry)) == 2
    assert_books(world)


def test_a_settlement_that_fails_leaves_the_answer_and_the_hold(
    client: FlaskClient, world: World, upstream: Upstream, paid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("gone"))

    with monkeypatch.context() as patch:
        patch.setattr(holds, "end", fail)
        assert call(client, world, paid).status_code == 200
    assert rows(Reservation)[0].state == "held"
    assert sweeper.sweep(datetime.now(UTC) + timedelta(minutes=12)) == 1
    (record,) = records()
    assert record.outcome == "succeeded" and record.cost_nano_usd == rows(Reservation)[0].charged_nano_usd
    assert_books(world)


def test_the_same_idempotency_key_is_answered_once(
    client: FlaskClient, world: World, upstream: Upstream, paid: str
) -> None:
    key = {"Idempotency-Key": "order-7"}
    first, again = call(client, world, paid, key), call(client, world, paid, key)
    assert first.status_code == again.status_code == 200 and first.data == again.data
    assert again.headers["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first.headers
    other = call(client, world, paid, key, message="Something else")
    assert other.status_code == 422 and "another request" in other.json["error"]
    assert len(upstream.requests) == 1 and len(rows(LedgerEntry)) == 2
    assert [record.outcome for record in records()] == ["succeeded", "replayed", "refused"]
    assert_books(world)


def test_a_key_of_another_tenant_is_another_key(
    client: FlaskClient, world: World, upstream: Upstream, paid: str
) -> None:
    key = {"Idempotency-Key": "order-7"}
    call(client, world, paid, key)
    other = client.post(world.other.url, json={"message": "Hi"}, headers=world.other.headers | key)
    assert other.status_code == 200 and "Idempotent-Replayed" not in other.headers


def test_a_failed_call_frees_its_idempotency_key(
    client: FlaskClient, world: World, upstream: Upstream, paid: str
) -> None:
    for model in ("m", "second"):
        upstream.script(model, error_reply(500), openai_completion("Hello"))
    key = {"Idempotency-Key": "order-7"}
    assert call(client, world, paid, key).status_code == 502
    assert not rows(IdempotencyKey)
    assert call(client, world, paid, key).status_code == 200


def test_a_streamed_answer_is_not_stored(
    client: FlaskClient, world: World, upstream: Upstream, paid: str
) -> None:
    key = {"Idempotency-Key": "order-7"}
    assert call(client, world, paid, key, stream=True).data
    again = call(client, world, paid, key, stream=True)
    assert again.status_code == 409 and "was not stored" in again.json["error"]
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("value", ["x" * 300, "a b", "ü"])
def test_an_unusable_idempotency_key_is_refused(
    client: FlaskClient, world: World, upstream: Upstream, paid: str, value: str
) -> None:
    answer = call(client, world, paid, {"Idempotency-Key": value.encode().decode("latin-1")})
    assert answer.status_code == 400 and "Idempotency-Key" in answer.json["error"]
