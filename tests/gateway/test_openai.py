"""One door to every model: /v1/chat/completions answers as OpenAI's own API does (A1-A6, C8)."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.upstream import Upstream
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
