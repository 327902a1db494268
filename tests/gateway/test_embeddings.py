"""POST /v1/embeddings: any embedding model of any provider, as OpenAI's own API answers."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.domain.pricing import nano_to_usd
from app.services import billing, credits
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.upstream import Upstream
from tests.upstream_replies import json_reply
from tests.world import World

URL = "/v1/embeddings"
SMALL = "text-embedding-3-small"


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    made = make_proxy(world.acme, upstream, client)
    upstream.script(SMALL, json_reply(vectors([0.5, -1.0], [0.25, 0.75], tokens=1_000_000)))
    return made


def vectors(*each: list[float], tokens: int) -> dict[str, Any]:
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(each)]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": f"{SMALL}-v2", "usage": usage}


def test_texts_become_vectors_and_the_input_is_paid(proxy: Proxy) -> None:
    response = proxy.post(URL, {"model": SMALL, "input": ["a", "b"], "dimensions": 2, "task": "t"})
    body = response.get_json()
    assert response.status_code == 200, body
    assert [item["embedding"] for item in body["data"]] == [[0.5, -1.0], [0.25, 0.75]]
    assert (body["object"], body["model"]) == ("list", SMALL)
    assert body["usage"] == {"prompt_tokens": 1_000_000, "total_tokens": 1_000_000}
    assert proxy.upstream.requests[-1].path == "/v1/embeddings"
    assert proxy.upstream.requests[-1].json == {"model": SMALL, "input": ["a", "b"], "dimensions": 2}
    assert "task is not supported" in response.headers["x-sluice-warning"]
    record = proxy.record
    assert (record.operation, record.outcome, record.provider) == ("embeddings", "succeeded", "openai")
    assert (record.input_tokens, record.output_tokens, record.cost_nano_usd) == (1_000_000, 0, 20_000_000)


def test_the_demo_makes_vectors_without_any_key(world: World, proxy: Proxy) -> None:
    def nearness(one: str, other: str) -> float:
        body = {"model": "demo/demo-embedding", "input": [one, other]}
        first, second = proxy.post(URL, body).get_json()["data"]
        return sum(a * b for a, b in zip(first["embedding"], second["embedding"], strict=True))

    assert nearness("red apples", "Apples: red!") == pytest.approx(1)
    assert nearness("red apples", "a blue car") < 0.5


def test_openais_client_gets_numbers_however_the_provider_sends_them(app: Flask, proxy: Proxy) -> None:
    http = httpx.Client(transport=httpx.WSGITransport(app=app))
    client = openai.OpenAI(api_key=proxy.tenant.secret, base_url="http://gateway.test/v1", http_client=http)
    default = client.embeddings.create(model=SMALL, input="a")  # it asks for base64 on its own
    assert default.data[0].embedding == [0.5, -1.0]
    floats = client.embeddings.create(model=SMALL, input=[[1, 2], [3]], encoding_format="float")
    assert floats.data[1].embedding == [0.25, 0.75] and floats.usage.prompt_tokens == 1_000_000
    demo = client.embeddings.create(model="demo-embedding", input="words", dimensions=32)
    assert len(demo.data[0].embedding) == 32
    with pytest.raises(openai.BadRequestError, match="modality=embedding"):
        client.embeddings.create(model="gpt-4o", input="a")
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="text-embedding-none", input="a")


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        (URL, {"model": SMALL}, "'input'"),
        (URL, {"model": "openai/gpt-4o", "input": "a"}, "makes no embeddings"),
        ("/v1/chat/completions", {"model": SMALL, "messages": [{"role": "user", "content": "Hi"}]}, URL),
        (URL, {"model": "anthropic/claude-x", "input": "a"}, "makes no embeddings"),
    ],
)
def test_what_cannot_be_embedded_is_a_clear_400(proxy: Proxy, path: str, body: Any, told: str) -> None:
    response = proxy.post(path, body)
    assert response.status_code == 400 and told in response.get_json()["error"]["message"]


def test_auto_picks_an_embedding_model(proxy: Proxy) -> None:
    response = proxy.post(URL, {"model": "auto", "input": "a"})
    assert response.status_code == 200, response.get_json()
    assert response.get_json()["model"] == SMALL


def test_prepaid_money_is_held_and_charged_exactly(proxy: Proxy) -> None:
    workspace_id = proxy.tenant.workspace.id
    billing.update(SYSTEM, workspace_id, {"billing": "prepaid"})
    assert proxy.post(URL, {"model": SMALL, "input": "a"}).status_code == 402
    credits.top_up(SYSTEM, workspace_id, {"usd": "1", "reason": "Paid in.", "ref": "invoice-1"})
    proxy.upstream.script(SMALL, json_reply(vectors([0.5], tokens=3)))
    assert proxy.post(URL, {"model": SMALL, "input": "three small words"}).status_code == 200
    assert proxy.record.held_nano_usd and proxy.record.cost_nano_usd == 3 * 20
    balance = proxy.get("/v1/balance").get_json()
    assert (balance["balance"], balance["reserved"]) == (nano_to_usd(10**9 - 60), "0.00")


def test_the_same_vectors_are_kept_where_the_client_wants_that(proxy: Proxy) -> None:
    asked = len(proxy.upstream.requests)
    first, second = (
        proxy.post(URL, {"model": SMALL, "input": "a"}, x_cache="force").get_json() for _ in range(2)
    )
    assert first["data"] == second["data"] and len(proxy.upstream.requests) == asked + 1
    assert second["usage"]["prompt_tokens"] == 0 and proxy.record.cost_nano_usd == 0
