"""An endpoint's callers cannot get more than is counted: extras with a price, two limits, wild numbers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import pipeline
from app.domain import records as record_rules
from app.domain.actors import SYSTEM
from app.domain.pricing import MOST_OF_ONE_CALL
from app.models import BudgetPeriod, Plan, Reservation
from app.services import billing, plans, refusals
from tests.money import USD, account_of, make_prepaid, mistakes, rows, set_budget
from tests.providers_world import add_endpoint, add_provider, records, set_price
from tests.upstream import Upstream
from tests.upstream_replies import SSE, Cut, Hang, Reply, data, openai_chunk, openai_completion
from tests.world import World

MESSAGES = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def path(world: World, upstream: Upstream) -> str:
    """The OpenAI route of a project whose endpoint `short` gives at most 100 tokens."""
    add_provider(world.acme, upstream, "up")
    set_price(world.acme, "up/m", input_usd_per_million="1", output_usd_per_million="2")
    add_endpoint(world.acme, "short", "up/m", max_output_tokens=100)
    return f"/api/{world.acme.project.id}/v1/chat/completions"


def post(client: FlaskClient, world: World, path: str, **body: Any) -> Any:
    named = {"model": "short", "messages": MESSAGES, **body}
    return client.post(path, json=named, headers=world.acme.headers)


@pytest.mark.parametrize(
    "extra",
    [
        {"service_tier": "priority"},
        {"web_search_options": {}},
        {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
        {"models": ["up/dearer"]},
        {"tools": [{"type": "web_search"}]},
    ],
    ids=lambda extra: next(iter(extra)),
)
def test_what_has_a_price_of_its_own_is_refused_only_where_money_counts(
    client: FlaskClient, world: World, upstream: Upstream, path: str, extra: dict[str, Any]
) -> None:
    assert post(client, world, path, **extra).status_code == 200
    make_prepaid(world.acme, USD)
    answer = post(client, world, path, **extra)
    assert answer.status_code == 400 and "has a price of its own" in answer.json["error"]["message"]
    assert len(upstream.requests) == 1 and account_of(world.acme).reserved_nano_usd == 0


def test_a_file_in_the_providers_account_is_refused(
    client: FlaskClient, world: World, upstream: Upstream, path: str
) -> None:
    part = {"type": "file", "file": {"file_id": "file-of-somebody-else"}}
    answer = post(client, world, path, messages=[{"role": "user", "content": [part]}])
    assert answer.status_code == 400 and upstream.requests == []


def test_neither_of_two_limits_passes_the_endpoints(
    client: FlaskClient, world: World, upstream: Upstream, path: str
) -> None:
    make_prepaid(world.acme, USD)
    assert post(client, world, path, max_completion_tokens=10, max_tokens=50_000).status_code == 200
    sent = upstream.requests[-1].json
    assert (sent["max_completion_tokens"], sent["max_tokens"]) == (10, 100)
    assert records()[-1].held_nano_usd >= 100 * 2_000
    assert post(client, world, path, max_completion_tokens=10, max_tokens="all").status_code == 422


def test_odd_but_valid_bodies_are_held_like_others(
    client: FlaskClient, world: World, upstream: Upstream, path: str
) -> None:
    make_prepaid(world.acme, USD)
    optional = {"type": "object", "properties": {"name": {"type": ["string", "null"]}}}
    tools = [{"type": "function", "function": {"name": "look", "parameters": optional}}]
    assert post(client, world, path, seed=10**30, tools=tools).status_code == 200
    assert post(client, world, path, n=10**30).status_code == 402
    assert len(upstream.requests) == 1


ZEROS = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


@pytest.mark.parametrize(("usage", "input_tokens"), [(ZEROS, 5), (ZEROS | {"prompt_tokens": 3}, 3)])
def test_an_answer_is_not_free_because_its_usage_says_nothing(
    client: FlaskClient, world: World, upstream: Upstream, path: str, usage: dict[str, int], input_tokens: int
) -> None:
    make_prepaid(world.acme, USD)
    upstream.script("m", openai_completion("word " * 50, usage))
    assert post(client, world, path).status_code == 200
    record = records()[-1]
    assert record.estimated and record.input_tokens == input_tokens and record.output_tokens >= 50
    assert account_of(world.acme).balance_nano_usd == USD - record.cost_nano_usd < USD - 50 * 2_000


def test_tools_are_input_also_where_we_count_it(
    client: FlaskClient, world: World, upstream: Upstream, path: str
) -> None:
    upstream.script("m", openai_completion("Hello", None))
    function = {"name": "look", "description": "word " * 500, "parameters": {}}
    assert post(client, world, path, tools=[{"type": "function", "function": function}]).status_code == 200
    assert records()[-1].input_tokens > 500


def test_a_stream_that_breaks_off_before_any_output_costs_nothing(
    client: FlaskClient, world: World, upstream: Upstream, path: str
) -> None:
    make_prepaid(world.acme, USD)
    role = data(openai_chunk({"role": "assistant", "content": ""}))
    upstream.script("m", Reply([role, Cut], headers=SSE))
    assert '"error"' in post(client, world, path, stream=True).text
    assert account_of(world.acme).balance_nano_usd == USD and records()[-1].outcome == "failed"
    upstream.script("m", Reply([role, data(openai_chunk({}, "length")), Cut], headers=SSE))
    post(client, world, path, stream=True).get_data()
    assert account_of(world.acme).balance_nano_usd < USD, "an answer of hidden thoughts alone is one"


def test_no_attempt_goes_on_longer_than_its_call_may_last(
    client: FlaskClient, world: World, upstream: Upstream, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_rules, "CALL_SECONDS", 0.5)
    upstream.script("m", Reply([Hang]))
    answer = post(client, world, path)
    assert answer.status_code == 504 and records()[-1].duration_ms < 20_000


def test_whoever_left_before_the_provider_was_asked_pays_nothing(
    client: FlaskClient, world: World, upstream: Upstream, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_prepaid(world.acme, USD)
    real = pipeline.holds.reserve

    def leave(record: Any, plan: Any) -> Any:
        hold = real(record, plan)
        record.call.cancellation.cancel("client_left")
        return hold

    monkeypatch.setattr(pipeline.holds, "reserve", leave)
    post(client, world, path)
    assert upstream.requests == [] and records()[-1].outcome == "client_left"
    assert account_of(world.acme).balance_nano_usd == USD and rows(Reservation)[0].state == "voided"


ABSURD = {"input_usd_per_million": "9000000000", "output_usd_per_million": "9000000000"}
MOST_USAGE = {"prompt_tokens": 400_000_000, "completion_tokens": 400_000_000}


@pytest.mark.parametrize("held", [True, False])
def test_no_price_is_so_absurd_that_its_calls_cannot_be_booked(
    client: FlaskClient, world: World, upstream: Upstream, path: str, held: bool
) -> None:
    set_price(world.acme, "up/m", **ABSURD)
    upstream.script("m", openai_completion("Hello", MOST_USAGE))
    if held:
        set_budget(world.acme, "project", world.acme.project.id, "day", tokens=1, hard=False)
    answers = [post(client, world, path, max_tokens=10**30).status_code for _ in range(3)]
    assert answers == [200, 200, 200]
    assert records()[-1].cost_nano_usd <= MOST_OF_ONE_CALL
    assert len(records()) == 3 and all(row.state == "settled" for row in rows(Reservation))
    assert mistakes() == []


def test_a_shortened_call_counts_in_the_period_in_which_it_began(
    client: FlaskClient, world: World, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_provider(world.acme, upstream, "up")
    set_price(world.acme, "up/m", input_usd_per_million="1", output_usd_per_million="2")
    path = add_endpoint(world.acme, "long", "up/m")
    set_budget(world.acme, "project", world.acme.project.id, "day", usd=2_000_000)

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(days=1)

    monkeypatch.setattr(refusals, "datetime", Tomorrow)  # midnight passes while it is shortened
    assert client.post(path, json={"message": "Hi"}, headers=world.acme.headers).status_code == 200
    (held,), (period,) = rows(Reservation), rows(BudgetPeriod)
    assert held.period_ids == [period.id] and held.amount_nano_usd <= 2_000_000


def test_overage_is_known_also_where_the_models_price_is_not(
    client: FlaskClient, world: World, upstream: Upstream
) -> None:
    add_provider(world.acme, upstream, "up")
    path = add_endpoint(world.acme, "mystery", "up/mystery")
    billing.update(SYSTEM, world.acme.workspace.id, {"plan": "team"})
    team = next(plan for plan in rows(Plan) if plan.slug == "team")
    plans.update(SYSTEM, team.id, {"included_tokens": 4})
    assert client.post(path, json={"message": "Hi"}, headers=world.acme.headers).status_code == 200
    (record,) = records()
    assert (record.cost_nano_usd, record.overage_nano_usd) == (None, 6 * 400)
