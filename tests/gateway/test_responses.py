"""The Responses door with the stock OpenAI client: any model behind it, buffered and streamed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import BaseModel

from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.upstream import Upstream
from tests.upstream_replies import (
    SSE,
    Cut,
    Reply,
    anthropic_events,
    anthropic_message,
    data,
    openai_chunk,
    openai_completion,
    openai_events,
    text_block,
)
from tests.world import World

WEATHER: Any = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}
ARGUMENTS = '{"city": "Kyōto",  "n": 1e3}'


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    return make_proxy(world.acme, upstream, client)


@pytest.fixture
def sdk(proxy: Proxy, app: Flask) -> Iterator[openai.OpenAI]:
    """OpenAI's client, which reaches the application without a server between."""
    secret = proxy.tenant.headers["Authorization"].removeprefix("Bearer ")
    http = httpx.Client(transport=httpx.WSGITransport(app=app))
    with openai.OpenAI(api_key=secret, base_url="http://t/v1", http_client=http, max_retries=0) as client:
        yield client


def tool_stream(dialect: str) -> Reply:
    """Return a streamed answer of one tool call."""
    if dialect == "anthropic":
        pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *ARGUMENTS)]
        block = {"type": "tool_use", "id": "call_1", "name": "weather", "input": {}}
        return Reply(list(anthropic_events((block, pieces), stop="tool_use")), headers=SSE)
    first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
    calls = [first, *({"index": 0, "function": {"arguments": piece}} for piece in ARGUMENTS)]
    chunks = [openai_chunk({"tool_calls": [call]}) for call in calls] + [openai_chunk({}, "tool_calls")]
    return Reply([data(chunk) for chunk in chunks] + [data("[DONE]")], headers=SSE)


@pytest.mark.parametrize("model", ["openai/up", "anthropic/claude-up"])
def test_the_stock_client_gets_a_whole_response(proxy: Proxy, sdk: openai.OpenAI, model: str) -> None:
    proxy.upstream.script("up", openai_completion("Hello there"))
    proxy.upstream.script("claude-up", anthropic_message("Hello there"))
    response = sdk.responses.create(
        model=model, input="Hi", instructions="Be kind.", max_output_tokens=40, metadata={"a": "b"}
    )
    assert (response.output_text, response.status) == ("Hello there", "completed")
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens) == (7, 3)
    assert (response.metadata, response.store, response.instructions) == ({"a": "b"}, False, "Be kind.")  # type: ignore[attr-defined]
    sent = proxy.upstream.requests[-1].json
    assert "metadata" not in sent and "input" not in sent and sent["max_tokens"] == 40


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_a_streamed_tool_call_and_the_turn_after_it(proxy: Proxy, sdk: openai.OpenAI, dialect: str) -> None:
    proxy.upstream.script("up", tool_stream(dialect))
    asked: Any = [{"role": "user", "content": "Weather?"}]
    with sdk.responses.stream(model=f"{dialect}/up", input=asked, tools=[WEATHER]) as stream:
        kinds = [event.type for event in stream]
        whole = stream.get_final_response()
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed"
    call = whole.output[0]
    assert call.type == "function_call" and call.arguments == ARGUMENTS and call.call_id == "call_1"
    proxy.upstream.script(
        "up", openai_completion("Sunny") if dialect == "openai" else anthropic_message("Sunny")
    )
    asked += [call.to_dict(), {"type": "function_call_output", "call_id": "call_1", "output": "sun"}]
    assert sdk.responses.create(model=f"{dialect}/up", input=asked, tools=[WEATHER]).output_text == "Sunny"
    sent = proxy.upstream.requests[-1].json["messages"]
    assert "sun" in str(sent[-1]) and "call_1" in str(sent[-1])


def test_a_streamed_text_can_be_parsed(proxy: Proxy, sdk: openai.OpenAI) -> None:
    class Answer(BaseModel):
        number: int

    proxy.upstream.script(
        "claude-up", Reply(list(anthropic_events(text_block('{"num', 'ber":4}'))), headers=SSE)
    )
    with sdk.responses.stream(model="anthropic/claude-up", input="2+2", text_format=Answer) as stream:
        texts = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert texts[-1] == '{"number":4}' and final.output_parsed == Answer(number=4)
    assert final.usage is not None and final.usage.total_tokens == 10
    assert proxy.upstream.requests[-1].json["output_config"]["format"]["type"] == "json_schema"
    assert proxy.record.outcome == "succeeded" and proxy.record.input_tokens == 7


def test_errors_are_the_stock_clients_own(proxy: Proxy, sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="earlier turns"):
        sdk.responses.create(model="openai/up", input="Hi", previous_response_id="resp_1")
    with pytest.raises(openai.NotFoundError) as missing:
        sdk.responses.create(model="none", input="Hi")
    assert missing.value.code == "model_not_found"
    cut = [*openai_events("Hel", finish=None, usage=None, done=False), Cut]
    proxy.upstream.script("up", Reply(cut, headers=SSE))
    with pytest.raises(openai.APIError, match="cut off"):
        list(sdk.responses.create(model="openai/up", input="Hi", stream=True))
    assert proxy.record.outcome == "cut"
