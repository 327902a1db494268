"""One door to every model: /v1/chat/completions answers as OpenAI's own API does (A1-A6, C8)."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.providers_world import add_endpoint
from tests.upstream import Upstream
from tests.upstream_replies import Reply, error_reply, json_reply
from tests.world import World

URL = "/v1/chat/completions"
HI = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    return make_proxy(world.acme, upstream, client)


@pytest.mark.parametrize(
    "model", ["openai/gpt-4o-mini", "openai:gpt-4o-mini", "gpt-4o-mini", "anthropic/claude-haiku-4-5"]
)
def test_a_model_is_called_by_its_name(proxy: Proxy, model: str) -> None:
    response = proxy.post(URL, {"model": model, "messages": HI})
    body = response.get_json()
    assert response.status_code == 200, body
    assert body["object"] == "chat.completion" and body["choices"][0]["message"]["content"]
    assert proxy.record.model_requested == model


def test_an_unknown_model_is_404_and_says_where_to_look(proxy: Proxy) -> None:
    response = proxy.post(URL, {"model": "gpt-none", "messages": HI})
    assert response.status_code == 404
    assert response.get_json()["error"]["code"] == "model_not_found"
    assert "/v1/models" in response.get_json()["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_model_does_not_take_is_named_in_the_headers(proxy: Proxy, stream: bool) -> None:
    body = {"model": "anthropic/claude-haiku-4-5", "messages": HI, "seed": 5, "temperature": 2, "n": 1}
    response = proxy.post(URL, {**body, "stream": stream})
    assert response.status_code == 200
    told = response.headers["X-Aig-Warning"]
    assert told == response.headers["X-Sluice-Warning"]
    assert "seed is not supported by anthropic/claude-haiku-4-5 and was dropped" in told
    assert "temperature was lowered to 1" in told and "n is" not in told
    assert proxy.record.warnings == told.split("; ")
    sent = proxy.upstream.requests[-1].json
    assert sent["temperature"] == 1 and "seed" not in sent


def test_warnings_are_those_of_the_model_that_answered(proxy: Proxy) -> None:
    models = ["anthropic/claude-haiku-4-5", "openai/gpt-4o-mini"]
    proxy.upstream.script("claude-haiku-4-5", error_reply(500))
    response = proxy.post(URL, {"model": models, "messages": HI, "seed": 5})
    assert response.status_code == 200 and response.headers["X-Sluice-Provider"] == "openai"
    assert "X-Aig-Warning" not in response.headers and proxy.record.warnings is None
    assert proxy.upstream.requests[-1].json["seed"] == 5


def test_an_endpoint_that_does_not_stream_says_so(proxy: Proxy) -> None:
    add_endpoint(proxy.tenant, "whole", "openai/gpt-4o-mini", streaming_enabled=False)
    url = f"/api/{proxy.tenant.project.id}{URL}"
    response = proxy.post(url, {"model": "whole", "messages": HI, "stream": True})
    assert response.is_json and "stream is switched off" in response.headers["X-Aig-Warning"]


@pytest.mark.parametrize(
    ("reply", "status", "code", "again"),
    [
        (error_reply(429, Retry_After="7"), 429, "provider_rate_limited", "7"),
        (error_reply(503), 503, "provider_error", None),
        (
            json_reply({"error": {"message": "Too long.", "code": "context_length_exceeded"}}, 400),
            400, "context_length_exceeded", None,
        ),
    ],
)  # fmt: skip
def test_a_named_models_errors_are_the_providers(
    proxy: Proxy, reply: Reply, status: int, code: str, again: str | None
) -> None:
    proxy.upstream.script("gpt-4o-mini", reply)
    response = proxy.post(URL, {"model": "openai/gpt-4o-mini", "messages": HI})
    assert response.status_code == status and response.get_json()["error"]["code"] == code
    assert response.headers.get("Retry-After") == again


def test_the_model_that_answered_and_the_one_that_was_asked_for(proxy: Proxy) -> None:
    body = proxy.post(URL, {"model": "openai:gpt-4o-mini", "messages": HI}).get_json()
    assert body["sluice"]["requested_model"] == "openai:gpt-4o-mini"
    assert body["model"] == "openai:gpt-4o-mini"
