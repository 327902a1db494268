"""Where money is counted, a forwarded call holds its worst case, and nothing unpriced slips through."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.database import database
from app.models import Provider
from app.services import stamps
from tests.gateway.passthrough_replies import response_reply
from tests.gateway.passthrough_world import BODY, MESSAGE, Proxy, make_proxy
from tests.money import USD, account_of, make_prepaid, set_budget
from tests.providers_world import records, set_price
from tests.upstream import Upstream
from tests.upstream_replies import SSE, Reply, error_reply, json_reply, openai_completion, openai_events
from tests.world import World

CHAT = "/v1/openai/chat/completions"
RESPONSES = "/v1/openai/responses"


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    made = make_proxy(world.acme, upstream, client)
    set_price(world.acme, "openai/gpt-x", input_usd_per_million="1", output_usd_per_million="10")
    return made


def test_a_prepaid_call_is_charged_what_it_used(proxy: Proxy) -> None:
    make_prepaid(proxy.tenant, USD)
    response = proxy.post(CHAT, BODY | {"max_tokens": 50})
    assert response.status_code == 200
    account, cost = account_of(proxy.tenant), 7 * 1000 + 3 * 10_000
    assert (account.balance_nano_usd, account.reserved_nano_usd) == (USD - cost, 0)
    assert b"max_tokens" in proxy.upstream.requests[-1].body
    assert proxy.record.held_nano_usd >= 50 * 10_000


def test_no_maximum_is_ever_injected(proxy: Proxy) -> None:
    make_prepaid(proxy.tenant, USD)
    assert proxy.post(CHAT, BODY).status_code == 200
    assert "max_tokens" not in proxy.upstream.requests[-1].json


def test_an_empty_account_is_told_and_the_provider_is_not_asked(proxy: Proxy) -> None:
    make_prepaid(proxy.tenant, 1000)
    response = proxy.post(CHAT, BODY)
    assert response.status_code == 402 and response.get_json()["error"]["code"] == "insufficient_balance"
    assert response.headers["X-Should-Retry"] == "false" and proxy.upstream.requests == []
    set_price(proxy.tenant, "anthropic/claude-x", input_usd_per_million="1", output_usd_per_million="10")
    response = proxy.post("/v1/anthropic/messages", MESSAGE)
    assert response.status_code == 402 and response.get_json()["error"]["type"] == "billing_error"


def test_what_was_refused_or_failed_gives_its_hold_back(proxy: Proxy) -> None:
    make_prepaid(proxy.tenant, USD)
    replies = error_reply(400), error_reply(429), error_reply(500), error_reply(401)
    proxy.upstream.script("gpt-x", *replies, Reply([], framing="length"))
    statuses = [proxy.post(CHAT, BODY | {"max_tokens": 50}).status_code for _ in range(4)]
    assert statuses == [400, 429, 500, 502]
    account = account_of(proxy.tenant)
    assert (account.balance_nano_usd, account.reserved_nano_usd) == (USD, 0)


def test_a_charge_is_never_more_than_the_hold(proxy: Proxy) -> None:
    make_prepaid(proxy.tenant, USD)
    left = USD
    for tokens in (10**6, 10**18, -5, None):
        usage = {"prompt_tokens": 7, "completion_tokens": tokens}
        proxy.upstream.script("gpt-x", Reply(list(openai_events("Hi", usage=usage)), headers=SSE))
        proxy.post(CHAT, BODY | {"stream": True, "max_tokens": 50})
        account = account_of(proxy.tenant)
        assert 0 < left - account.balance_nano_usd <= proxy.record.held_nano_usd, tokens
        assert account.reserved_nano_usd == 0, tokens
        left = account.balance_nano_usd


def test_a_model_without_a_price_is_refused_where_money_counts(proxy: Proxy) -> None:
    body = BODY | {"model": "gpt-unknown"}
    assert proxy.post(CHAT, body).status_code == 200
    make_prepaid(proxy.tenant, USD)
    response = proxy.post(CHAT, body)
    assert response.status_code == 400
    assert response.get_json()["error"]["message"].startswith("Unknown model pricing")
    assert len(proxy.upstream.requests) == 1


PRICED: list[tuple[str, dict[str, Any]]] = [
    (RESPONSES, {"model": "gpt-x", "input": "Hi", "tools": [{"type": "web_search"}]}),
    (RESPONSES, {"model": "gpt-x", "input": "Hi", "tools": [{"type": "image_generation"}]}),
    (CHAT, BODY | {"web_search_options": {}}),
    (CHAT, BODY | {"modalities": ["text", "audio"]}),
    (CHAT, BODY | {"service_tier": "priority"}),
    (CHAT, BODY | {"models": ["gpt-dearer"]}),
    ("/v1/anthropic/messages", MESSAGE | {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
    ("/v1/anthropic/messages", MESSAGE | {"cache_control": {"type": "ephemeral", "ttl": "1h"}}),
    ("/v1/anthropic/messages", MESSAGE | {"inference_geo": "us"}),
]


def test_what_has_a_price_of_its_own_is_refused_only_where_money_counts(proxy: Proxy) -> None:
    assert [proxy.post(path, body).status_code for path, body in PRICED] == [200] * len(PRICED)
    set_budget(proxy.tenant, "project", proxy.tenant.project.id, "day", usd=USD)
    for path, body in PRICED:
        response = proxy.post(path, body)
        assert response.status_code == 400, body
        assert "price of its own" in response.get_json()["error"]["message"], body
    assert len(proxy.upstream.requests) == len(PRICED)


def test_the_clients_own_tools_are_no_extra(proxy: Proxy) -> None:
    make_prepaid(proxy.tenant, USD)
    set_price(proxy.tenant, "anthropic/claude-x", input_usd_per_million="1", output_usd_per_million="10")
    kept = {"cache_control": {"type": "ephemeral", "ttl": "5m"}, "input_schema": {"ttl": "1h"}}
    own = [{"name": "find", **kept}, {"type": "bash_20250124", "name": "bash"}]
    assert proxy.post("/v1/anthropic/messages", MESSAGE | {"tools": own}).status_code == 200
    function = [{"type": "function", "function": {"name": "find"}}]
    assert proxy.post(CHAT, BODY | {"tools": function}).status_code == 200


def test_what_is_continued_joins_the_hold(proxy: Proxy) -> None:
    proxy.upstream.script("gpt-x", response_reply())
    body = {"model": "gpt-x", "input": "Hi", "max_output_tokens": 50}
    make_prepaid(proxy.tenant, USD)
    proxy.post(RESPONSES, body)
    proxy.post(RESPONSES, body | {"previous_response_id": "resp_1"})
    first, second = (record.held_nano_usd for record in records())
    assert second - first >= 29 * 1000


def test_what_is_continued_is_input_also_where_we_count_it(proxy: Proxy) -> None:
    whole = {"id": "resp_a", "object": "response", "status": "completed", "model": "gpt-x", "output": []}
    first = {**whole, "usage": {"input_tokens": 5_000, "output_tokens": 10}}
    proxy.upstream.script("gpt-x", json_reply(first), json_reply(whole | {"id": "resp_b"}))
    body = {"model": "gpt-x", "input": "Hi", "max_output_tokens": 20}
    assert proxy.post(RESPONSES, body).status_code == 200
    assert proxy.post(RESPONSES, body | {"previous_response_id": "resp_a"}).status_code == 200
    assert proxy.record.estimated and proxy.record.input_tokens > 5_010


def test_the_same_request_again_is_answered_and_charged_once(proxy: Proxy) -> None:
    make_prepaid(proxy.tenant, USD)
    first = proxy.post(CHAT, BODY, Idempotency_Key="order-7")
    again = proxy.post(CHAT, BODY, Idempotency_Key="order-7")
    assert (again.status_code, again.data) == (200, first.data)
    assert again.headers["Idempotent-Replayed"] == "true" and len(proxy.upstream.requests) == 1
    assert account_of(proxy.tenant).balance_nano_usd == USD - 7 * 1000 - 3 * 10_000


def test_a_paused_provider_says_so(proxy: Proxy) -> None:
    def pause(session: Any) -> None:
        session.get_one(Provider, proxy.openai_id).paused_at = proxy.tenant.workspace.created_at

    database.transaction(pause)
    stamps.renew(proxy.tenant.workspace.id)
    response = proxy.post(CHAT, BODY)
    assert response.status_code == 429
    assert response.get_json()["error"]["message"] == "Provider 'openai' is paused."
    assert response.get_json()["error"]["code"] == "provider_paused" and proxy.upstream.requests == []


def test_counting_and_listing_need_no_money(proxy: Proxy) -> None:
    make_prepaid(proxy.tenant, 1)
    proxy.upstream.script("claude-x", openai_completion("12"))
    assert proxy.post("/v1/anthropic/messages/count_tokens", MESSAGE).status_code == 200
    assert proxy.get("/v1/openai/models").status_code == 200
