"""Values of wrong types, from clients or providers, end as errors in the route's dialect; never as 500."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.services.health import health
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.money import USD, make_prepaid, mistakes
from tests.providers_world import records, set_price
from tests.upstream import Upstream
from tests.upstream_replies import SSE, USAGE, Reply, anthropic_events, data, json_reply, openai_chunk
from tests.world import World

HI = [{"role": "user", "content": "Hi"}]
ODD: tuple[Any, ...] = ([], {"type": []}, 5)
TEXT = {"type": "text", "text": "a"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CHAT = {
    "model": "auto",
    "messages": [
        {"role": "user", "content": [TEXT]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": [TEXT]},
    ],
    "reasoning_effort": "low",
    "output_config": {"effort": "low"},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
    "plugins": [],
}
BLOCK = {"type": "tool_use", "id": "c1", "name": "f", "input": {}}
MESSAGES = {
    "model": "auto",
    "max_tokens": 2000,
    "messages": [{"role": "user", "content": [TEXT]}, {"role": "assistant", "content": [BLOCK]}],
    "tool_choice": {"type": "auto"},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
}
RESPONSES = {
    "model": "auto",
    "input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}],
    "text": {"format": {"type": "text"}},
    "reasoning": {"effort": "low"},
}
MODELS = ("anthropic/claude-haiku-4-5", "openai/gpt-4o-mini", "auto")


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    monkeypatch.setattr(health, "failed", lambda *given: None)  # nobody is left alone for bad answers
    return make_proxy(world.acme, upstream, client)


def spoilt(value: Any) -> Iterator[Any]:
    """Yield copies of a value, each with one thing in it of a wrong type."""
    if isinstance(value, dict | list):
        for name in value if isinstance(value, dict) else range(len(value)):
            for odd in (*spoilt(value[name]), *ODD):
                changed = deepcopy(value)
                changed[name] = odd
                yield changed


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/chat/completions", CHAT), ("/v1/messages", MESSAGES), ("/v1/responses", RESPONSES)],
    ids=["chat", "messages", "responses"],
)
def test_no_body_of_wrong_types_is_our_mistake(proxy: Proxy, path: str, body: dict[str, Any]) -> None:
    for number, odd in enumerate(spoilt(body)):
        if odd["model"] == "auto":
            odd["model"] = MODELS[number % len(MODELS)]
        response = proxy.post(path, odd)
        assert response.status_code < 500, (odd, response.text)
        if response.status_code != 200:
            told = response.get_json()
            assert told["error"]["message"] and (path != "/v1/messages" or told["type"] == "error")


ANSWER = {
    "id": "chatcmpl-1",
    "model": "up-model",
    "choices": [
        {"index": 0, "message": {"content": "a", "tool_calls": [CALL]}, "finish_reason": "tool_calls"}
    ],
    "usage": USAGE,
}
EVENTS = [
    openai_chunk({"role": "assistant", "content": "a"}),
    openai_chunk({"tool_calls": [{"index": 0, **CALL}]}),
    openai_chunk({}, "tool_calls"),
    openai_chunk({}, choices=[], usage=USAGE),
]
ASKED = {
    "/v1/chat/completions": {"messages": HI},
    "/v1/messages": {"messages": HI, "max_tokens": 50},
    "/v1/responses": {"input": "Hi"},
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ASKED)
def test_no_answer_of_wrong_types_is_our_mistake(proxy: Proxy, path: str, stream: bool) -> None:
    make_prepaid(proxy.tenant, 1_000 * USD)
    set_price(proxy.tenant, "openai/up-model", input_usd_per_million="1", output_usd_per_million="10")
    body = {**ASKED[path], "model": "openai/up-model", "stream": stream}
    for odd in spoilt(EVENTS if stream else ANSWER):
        proxy.upstream.script("up-model", streamed(odd) if stream else json_reply(odd))
        response = proxy.post(path, body)
        assert response.status_code in (200, 502), (odd, response.text)
        assert "[DONE]" not in response.text or '{"error":' not in response.text
    assert {record.outcome for record in records()} <= {"succeeded", "failed", "cut"}
    assert mistakes() == []


def streamed(events: list[Any]) -> Reply:
    """Return a stream of events, some of which may be none."""
    return Reply(
        [*(data(one if isinstance(one, dict) else "odd") for one in events), data("[DONE]")], headers=SSE
    )


def test_blocks_of_a_stream_need_no_number(proxy: Proxy) -> None:
    block = {"type": "text", "text": ""}, [{"type": "text_delta", "text": "Hi"}]
    events = [event.replace(b'"index": 0', b'"index": []') for event in anthropic_events(block)]
    proxy.upstream.script("claude-haiku-4-5", Reply(events, headers=SSE))
    body = {"model": "anthropic/claude-haiku-4-5", "messages": HI, "stream": True}
    response = proxy.post("/v1/chat/completions", body)
    assert '"content":"Hi"' in response.text and "[DONE]" in response.text
