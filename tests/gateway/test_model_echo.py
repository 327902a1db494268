"""Which model an answer names: as the client wrote it if that one answered, else who did (C9, A6, R3)."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient

from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.upstream import Upstream
from tests.upstream_replies import error_reply
from tests.world import World

URL = "/v1/chat/completions"
HI = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    return make_proxy(world.acme, upstream, client)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("OpenAI/gpt-4o", "OpenAI/gpt-4o"),
        ("openai:gpt-4o", "openai:gpt-4o"),
        ("gpt-4o-2024-08-06", "gpt-4o-2024-08-06"),
        ("anthropic/claude-haiku-4-5", "anthropic/claude-haiku-4-5"),
        (["gpt-none-here", "gpt-4o"], "gpt-4o"),
        (["gpt-none-here", "gpt-nor-this"], None),
        (["gpt-4.1", "openai/gpt-4o"], "openai/gpt-4o"),  # the first one fails
        ("gpt-4o:free", "gpt-5-nano"),
    ],
)
def test_the_answer_names_the_model(
    proxy: Proxy, asked: str | list[str], told: str | None, stream: bool
) -> None:
    proxy.upstream.script("gpt-4.1", error_reply(500))
    response = proxy.post(URL, {"model": asked, "messages": HI, "stream": stream})
    if told is None:
        assert response.status_code == 404 and "gpt-none-here" in response.text
        return
    assert response.status_code == 200, response.text
    if not stream:
        assert response.get_json()["model"] == told
        return
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: {")]
    assert {json.loads(line)["model"] for line in lines} == {told}
