"""Automatic routing through the door: who answers, what is excluded, what it saves, what is told of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.services import keys
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.providers_world import add_provider
from tests.upstream import Upstream
from tests.upstream_replies import error_reply, openai_completion
from tests.world import World

URL = "/v1/chat/completions"
HI = [{"role": "user", "content": "Hi"}]
CHEAPEST = "openai/gpt-5-nano"


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    return make_proxy(world.acme, upstream, client)


def test_auto_is_answered_by_the_cheapest_model_that_is_good_enough_and_says_why(proxy: Proxy) -> None:
    response = proxy.post(URL, {"model": "auto", "messages": HI, "max_tokens": 50})
    body, record = response.get_json(), proxy.record
    assert response.status_code == 200, body
    assert record.provider == "openai" and record.model_requested == "auto"
    assert record.routing["chain"][0] == CHEAPEST
    assert record.routing["classification"]["category"] == "chat"
    assert record.savings_nano_usd > 0
    told = body["x_kairosroute"]
    assert told["routed_from"] == "auto" and told["savings_usd"] * 10**9 == record.savings_nano_usd
    assert response.headers["X-KairosRoute-Provider"] == "openai"
    assert response.headers["X-Routing-Selected"] == response.headers["x-aig-served-by"] == CHEAPEST
    assert response.headers["X-Routing-Complexity"] == "simple"
    assert response.headers["x-sluice-receipt"] == record.id


def test_a_receipt_tells_the_decision_and_only_to_its_own_project(proxy: Proxy, world: World) -> None:
    proxy.post(URL, {"model": "auto", "messages": HI})
    url = f"/v1/receipts/{proxy.record.id}"
    told = proxy.get(url).get_json()
    assert told["receipt_id"] == proxy.record.id and told["classification"]["category"] == "chat"
    assert told["decision"] | {"strategy": "auto", "prompt_rewritten": False} == told["decision"]
    assert told["decision"]["model_id"] == told["candidates"][0]["model_id"] == CHEAPEST
    assert len(told["decision"]["fallback_chain"]) == 3
    assert told["candidates"][0]["est_cost_usd"] > 0 and told["candidates"][-1]["filtered_out_by"] == "demo"
    assert told["execution"]["status"] == "succeeded" and told["execution"]["actual_cost_usd"] > 0
    assert proxy.client.get(url, headers=world.other.headers).status_code == 404


def test_a_stream_tells_who_answers_in_its_head_and_what_it_cost_in_its_last_chunk(proxy: Proxy) -> None:
    response = proxy.post(URL, {"model": "auto", "messages": HI, "stream": True})
    assert response.headers["X-Auto-Routed"] == "true"
    assert "X-KairosRoute-Cost" not in response.headers and "X-Cost-Cents" not in response.headers
    lines = [line[6:] for line in response.text.splitlines() if line.startswith("data: {")]
    assert json.loads(lines[-1])["x_kairosroute"]["savings_usd"] > 0


def test_a_named_model_saves_nothing_and_has_no_word_of_a_choice(proxy: Proxy) -> None:
    response = proxy.post(URL, {"model": "openai/gpt-4o-mini", "messages": HI})
    assert response.get_json()["x_kairosroute"]["savings_usd"] == 0
    assert response.headers["x-aig-route-policy"] == "in_order"
    assert "X-Auto-Routed" not in response.headers
    assert proxy.record.savings_nano_usd is None and proxy.record.routing is None


@pytest.mark.parametrize(
    ("wishes", "told"),
    [
        ({"zdr": True}, "without zero data retention"),
        ({"routing": {"providers": ["nobody"]}}, "not at one of the providers"),
        ({"min_quantization": "fp16"}, "its precision is not known"),
    ],
)
@pytest.mark.parametrize("model", ["auto", "openai/gpt-4o-mini"])
def test_where_nobody_is_left_the_error_names_the_filter(
    proxy: Proxy, model: str, wishes: dict[str, Any], told: str
) -> None:
    response = proxy.post(URL, {"model": model, "messages": HI, **wishes})
    error = response.get_json()["error"]
    assert response.status_code == 400 and error["code"] == "no_models_available"
    assert told in error["message"]
    assert proxy.record.outcome == "refused" and proxy.record.routing["excluded"] > 0
    assert not proxy.upstream.requests


@pytest.mark.parametrize(
    "wrong",
    [
        {"messages": 5},
        {"messages": "Hi"},
        {"messages": [{"role": [], "content": [{"type": []}]}]},
        {"tools": 5, "reasoning_effort": []},
        {"baseline_model": "nobody/knows"},
        {"routing": {"policy": "pinned"}},
    ],
)
def test_a_body_that_makes_no_sense_is_refused_or_answered_but_breaks_nothing(
    proxy: Proxy, wrong: dict[str, Any]
) -> None:
    assert proxy.post(URL, {"model": "auto", "messages": HI, **wrong}).status_code in (200, 400, 422)


def test_the_rules_of_a_key_hold_on_every_door(proxy: Proxy) -> None:
    tenant = proxy.tenant
    rules = {"allowed_providers": ["anthropic"], "max_cost_usd_per_request": "0.01"}
    keys.update(SYSTEM, tenant.workspace.id, tenant.key.id, {"rules": rules})
    assert proxy.post(URL, {"model": "auto", "messages": HI}).headers["x-aig-provider"] == "anthropic"
    for url, body in (
        (URL, {"model": "openai/gpt-4o-mini", "messages": HI}),
        ("/v1/openai/chat/completions", {"model": "gpt-4o-mini", "messages": HI}),
    ):
        assert proxy.post(url, body).get_json()["error"]["code"] == "no_models_available"
    assert proxy.post(tenant.url, {"message": "Hi"}).status_code == 400
    dear = {"model": "anthropic/claude-opus-4-5", "messages": HI, "max_tokens": 30_000}
    response = proxy.post(URL, dear)
    assert response.status_code == 402
    assert response.get_json()["error"]["code"] == "cost_guardrail_exceeded"
    assert len(proxy.upstream.requests) == 1


def test_a_conversation_stays_with_the_model_that_answered_it(proxy: Proxy) -> None:
    first = proxy.post(URL, {"messages": HI}, x_routing="quality").headers["x-aig-served-by"]
    assert first != CHEAPEST
    turns = [*HI, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "How are you?"}]
    assert proxy.post(URL, {"model": "auto", "messages": turns}).headers["x-aig-served-by"] == first
    assert proxy.record.routing["sticky"]
    others = [{"role": "user", "content": "Hello"}, *turns[1:]]
    assert proxy.post(URL, {"model": "auto", "messages": others}).headers["x-aig-served-by"] == CHEAPEST


def test_a_sibling_at_another_provider_stands_in_unless_the_client_forbids_it(proxy: Proxy) -> None:
    add_provider(proxy.tenant, proxy.upstream, "backup", vendor="openai")
    asked = {"model": "openai/gpt-4o-mini", "messages": HI}
    proxy.upstream.script("gpt-4o-mini", error_reply(500), openai_completion("Hi"), error_reply(500))
    served = proxy.post(URL, asked).headers
    assert served["x-aig-served-by"] == "backup/gpt-4o-mini" and served["x-aig-attempts"] == "2"
    assert proxy.record.routing["strategy"] == "in_order"
    assert proxy.post(URL, {**asked, "fallbacks": False}).status_code == 500


def test_failover_holds_to_the_filters(proxy: Proxy) -> None:
    add_provider(proxy.tenant, proxy.upstream, "loud", vendor="openai", may_train=True)
    asked = {"model": "gpt-4o-mini", "messages": HI, "data_collection": "deny"}
    proxy.upstream.script("gpt-4o-mini", error_reply(500))
    response = proxy.post(URL, {**asked, "model": "openai/gpt-4o-mini"})
    assert response.status_code == 500, "the sibling may train on what it is sent"
    chain = proxy.post(URL, {**asked, "model": "auto"}).headers["x-sluice-receipt"]
    told = proxy.get(f"/v1/receipts/{chain}").get_json()
    excluded = {
        each["model_id"] for each in told["candidates"] if each["filtered_out_by"] == "data_collection"
    }
    assert excluded and all(model_id.startswith("loud/") for model_id in excluded)
    assert not any(model_id.startswith("loud/") for model_id in told["decision"]["fallback_chain"])
