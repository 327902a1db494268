"""What a key can ask before it calls: /v1/models, /v1/capabilities, /v1/balance (A22, A23, R6, O16, O51)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.domain.callers import Caller, hash_key
from app.domain.errors import ModelNotFound
from app.domain.key_rules import parse_rules
from app.services import aliases, billing, callers, credits, keys, model_list, model_rows, providers
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.upstream import Upstream
from tests.world import World


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    return make_proxy(world.acme, upstream, client)


def ids(proxy: Proxy, query: str = "") -> list[str]:
    response = proxy.get(f"/v1/models{query}")
    assert response.status_code == 200, response.get_json()
    return [model["id"] for model in response.get_json()["data"]]


def caller_with(proxy: Proxy, rules: dict[str, Any]) -> Caller:
    return replace(callers.read(hash_key(proxy.tenant.secret)), rules=parse_rules(rules))


def add_alias(proxy: Proxy, name: str, models: list[str]) -> None:
    aliases.create(
        SYSTEM, proxy.tenant.workspace.id, {"name": name, "models": models, "description": "Ours."}
    )


def test_the_list_has_auto_first_then_aliases_then_models_that_say_what_they_cost(proxy: Proxy) -> None:
    add_alias(proxy, "fast", ["openai/gpt-4o-mini"])
    model_rows.set_row(SYSTEM, proxy.tenant.workspace.id, "openai/gpt-4o-mini", {"multiplier": "1.5"})
    body = proxy.get("/v1/models").get_json()
    assert body["object"] == "list"
    auto, fast = body["data"][:2]
    assert (auto["id"], auto["object"], auto["owned_by"]) == ("auto", "model", "sluice")
    assert (fast["id"], fast["owned_by"], fast["models"]) == ("fast", "sluice", ["openai/gpt-4o-mini"])
    [mini] = [model for model in body["data"] if model["id"] == "gpt-4o-mini"]
    assert mini["owned_by"] == "openai" and isinstance(mini["created"], int)
    assert mini["canonical_id"] == "openai/gpt-4o-mini"
    assert (mini["pricing"]["input"], mini["pricing"]["output"]) == ("0.225", "0.90")
    assert (mini["context_length"], mini["max_output_tokens"]) == (128_000, 16_384)
    assert {"tools", "vision"} <= set(mini["capabilities"]) and mini["quality"] == 60
    assert {"quantization", "zdr", "may_train", "modality"} <= mini.keys()


def test_the_list_can_be_narrowed(proxy: Proxy) -> None:
    everything = ids(proxy)
    assert {"gpt-4o", "claude-haiku-4-5", "demo-fast", "text-embedding-3-small"} <= set(everything)
    assert {"text-embedding-3-small", "demo-embedding"} == {
        name
        for name in ids(proxy, "?modality=embedding")
        if name in ("text-embedding-3-small", "demo-embedding", "gpt-4o")
    }
    assert ids(proxy, "?provider=Demo") == ["demo-careful", "demo-embedding", "demo-fast"]
    assert ids(proxy, "?provider=demo&modality=text") == ["demo-careful", "demo-fast"]
    assert proxy.get("/v1/models?modality=smell").status_code == 400


def test_a_key_sees_only_what_it_may_use(proxy: Proxy) -> None:
    add_alias(proxy, "elsewhere", ["anthropic/claude-haiku-4-5"])
    rules = {"models": ["openai/gpt-4*", "demo/*"], "excluded_providers": ["demo"], "min_quality": 65}
    caller = caller_with(proxy, rules)
    names = [card.name for card in model_list.list_all(caller)]
    assert names == ["auto", "gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-2024-05-13"]
    for name in ("claude-haiku-4-5", "elsewhere", "demo-fast", "gpt-4o-mini"):
        with pytest.raises(ModelNotFound, match=name):
            model_list.find(caller, name)
    assert model_list.list_all(caller_with(proxy, {"models": ["nobody/*"]})) == []


def test_a_provider_that_cannot_answer_is_not_listed(proxy: Proxy) -> None:
    providers.update(SYSTEM, proxy.tenant.workspace.id, proxy.openai_id, {"active": False})
    assert "gpt-4o" not in ids(proxy) and "claude-haiku-4-5" in ids(proxy)
    response = proxy.get("/v1/models/openai/gpt-4o")
    assert (response.status_code, response.get_json()["error"]["code"]) == (404, "model_not_found")


def test_one_model_is_shown_under_the_name_it_was_asked_by(proxy: Proxy) -> None:
    for name in ("openai/gpt-4o", "gpt-4o", "openai:gpt-4o", "auto", "gpt-4o:online"):
        response = proxy.get(f"/v1/models/{name}")
        assert (response.status_code, response.get_json()["id"]) == (200, name)
    response = proxy.get("/v1/models/gpt-none")
    assert (response.status_code, response.get_json()["error"]["code"]) == (404, "model_not_found")


def test_a_models_schema_names_the_parameters_that_reach_it(proxy: Proxy) -> None:
    def parameters(name: str) -> set[str]:
        response = proxy.get(f"/v1/models/{name}/schema")
        assert response.status_code == 200, response.get_json()
        return set(response.get_json()["properties"])

    classic, reasoning = parameters("openai/gpt-4o"), parameters("gpt-5")
    assert {
        "messages",
        "temperature",
        "tools",
        "seed",
        "logprobs",
    } <= classic and "reasoning_effort" not in classic
    assert "reasoning_effort" in reasoning and "temperature" not in reasoning
    assert "logit_bias" not in parameters("claude-haiku-4-5")
    assert {"input", "dimensions"} <= parameters("text-embedding-3-small")
    assert proxy.get("/v1/models/auto/schema").status_code == 404


def test_anthropics_client_gets_its_own_shape_page_by_page(proxy: Proxy) -> None:
    headers = {"x-api-key": proxy.tenant.secret, "anthropic-version": "2023-06-01"}
    first = proxy.client.get("/v1/models?limit=2&provider=demo", headers=headers).get_json()
    assert [model["id"] for model in first["data"]] == ["demo-careful", "demo-embedding"]
    assert first["has_more"] and first["last_id"] == "demo-embedding"
    assert first["data"][0]["type"] == "model" and first["data"][0]["created_at"]
    rest = proxy.client.get("/v1/models?after_id=demo-embedding&provider=demo", headers=headers).get_json()
    assert [model["id"] for model in rest["data"]] == ["demo-fast"] and not rest["has_more"]
    back = proxy.client.get(
        "/v1/models?before_id=demo-fast&limit=1&provider=demo", headers=headers
    ).get_json()
    assert [model["id"] for model in back["data"]] == ["demo-embedding"] and back["has_more"]
    one = proxy.client.get("/v1/models/anthropic/claude-haiku-4-5", headers=headers).get_json()
    assert one["display_name"] == "Claude Haiku 4.5"
    missing = proxy.client.get("/v1/models/none", headers=headers)
    assert (missing.status_code, missing.get_json()["error"]["type"]) == (404, "not_found_error")


def test_the_list_needs_a_key_with_the_scope_models(proxy: Proxy) -> None:
    assert proxy.client.get("/v1/models").status_code == 401
    tenant = proxy.tenant
    made = keys.create(SYSTEM, tenant.workspace.id, tenant.project.id, {"name": "chats", "scopes": ["chat"]})
    response = proxy.client.get("/v1/models", headers={"Authorization": f"Bearer {made.secret}"})
    assert response.status_code == 403 and "models" in response.get_json()["error"]["message"]


def test_a_project_of_endpoints_alone_may_read_too(world: World, client: FlaskClient) -> None:
    response = client.get("/v1/models", headers=world.acme.headers)
    assert [model["id"] for model in response.get_json()["data"]][:2] == ["auto", "demo-careful"]
    assert client.get("/v1/models", headers=world.other.headers).status_code == 200


def test_capabilities_tell_the_routes_that_there_are(proxy: Proxy) -> None:
    body = proxy.get("/v1/capabilities").get_json()
    assert {"POST /v1/chat/completions", "GET /v1/models/<model>", "GET /v1/capabilities"} <= set(
        body["routes"]
    )
    assert body["modalities"] == ["text", "embedding"] and "lowest_cost" in body["routing"]["policies"]
    assert {"id": "web-search", "paid": False} in body["plugins"] and "zdr" in body["body_fields"]


def test_the_balance_is_told_to_those_who_prepay(proxy: Proxy) -> None:
    metered = {"object": "balance", "billing": "metered", "currency": "USD"}
    nothing = {"balance": None, "reserved": None, "free": None}
    assert proxy.get("/v1/balance").get_json() == {**metered, **nothing}
    billing.update(SYSTEM, proxy.tenant.workspace.id, {"billing": "prepaid"})
    paid = {"usd": "12.50", "reason": "Paid in.", "ref": "invoice-1"}
    credits.top_up(SYSTEM, proxy.tenant.workspace.id, paid)
    told = proxy.get("/v1/balance").get_json()
    assert (told["billing"], told["balance"], told["reserved"], told["free"]) == (
        "prepaid",
        "12.50",
        "0.00",
        "12.50",
    )


def test_an_alias_answers_with_its_preset_and_follows_a_change(proxy: Proxy) -> None:
    workspace_id = proxy.tenant.workspace.id
    fields = {"name": "gpt-4o", "models": ["openai/gpt-4o-mini"], "prompt": "Be brief.", "temperature": 0.2}
    made = aliases.create(SYSTEM, workspace_id, fields)
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
    answer = proxy.post("/v1/chat/completions", body).get_json()
    assert answer["model"] == "gpt-4o-mini"  # who answered: an alias hides nobody (C9)
    sent = proxy.upstream.requests[-1].json
    assert (sent["model"], sent["temperature"]) == ("gpt-4o-mini", 0.2)
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    aliases.update(SYSTEM, workspace_id, made.id, {"active": False})
    proxy.post("/v1/chat/completions", body)
    assert proxy.upstream.requests[-1].json["model"] == "gpt-4o"


def test_the_stock_clients_list_the_models(app: Flask, proxy: Proxy) -> None:
    key = proxy.tenant.secret
    http = httpx.Client(transport=httpx.WSGITransport(app=app))
    ours = openai.OpenAI(api_key=key, base_url="http://gateway.test/v1", http_client=http)
    listed = [model.id for model in ours.models.list()]
    assert listed[0] == "auto" and "gpt-4o" in listed
    http2 = httpx2.Client(transport=httpx2.WSGITransport(app=app))
    client = anthropic.Anthropic(api_key=key, base_url="http://gateway.test", http_client=http2)
    assert [model.id for model in client.models.list(limit=7)] == listed  # page after page
    assert client.models.retrieve("claude-haiku-4-5").display_name == "Claude Haiku 4.5"
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("claude-none")


def test_a_projects_own_address_takes_slugs_and_aliases(proxy: Proxy) -> None:
    root = f"/api/{proxy.tenant.project.id}/v1"
    hi = [{"role": "user", "content": "Hi"}]
    assert proxy.post(f"{root}/chat/completions", {"model": "fast", "messages": hi}).status_code == 404
    add_alias(proxy, "fast", ["openai/gpt-4o-mini"])
    add_alias(proxy, "hello", ["openai/gpt-4o-mini"])  # the endpoint of this slug comes first
    listed = proxy.get(f"{root}/models").get_json()
    assert listed["object"] == "list" and [model["id"] for model in listed["data"]] == ["hello", "fast"]
    for name, model in (("hello", "demo-fast"), ("fast", "gpt-4o-mini")):
        answer = proxy.post(f"{root}/chat/completions", {"model": name, "messages": hi})
        assert (answer.status_code, answer.get_json()["model"]) == (200, model), answer.get_json()
    assert proxy.post(f"{root}/chat/completions", {"model": "gpt-4o", "messages": hi}).status_code == 404
