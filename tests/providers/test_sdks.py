"""The official SDKs agree with us: with what the adapters send, and with what they make of the answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import anthropic as anthropic_sdk
import openai as openai_sdk
import orjson
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from app.domain.calls import Chunk
from app.providers.anthropic_request import translate
from tests.providers.conftest import Caller
from tests.upstream_replies import SSE, Reply, anthropic_events, anthropic_message, openai_stream, text_block

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CONVERSATION: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Weather in Oslo?"},
    {
        "role": "assistant",
        "content": "Looking.",
        "tool_calls": [
            {
                "id": "toolu_1",
                "type": "function",
                "function": {"name": "weather", "arguments": '{"city":"Oslo"}'},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "toolu_1", "content": "Sunny"},
]
TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "Look it up", "parameters": SCHEMA}}
]
TOOL_BLOCK = (
    {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {}},
    [{"type": "input_json_delta", "partial_json": '{"city":"Bergen"}'}],
)
THINKING_BLOCK = (
    {"type": "thinking", "thinking": "", "signature": ""},
    [{"type": "thinking_delta", "thinking": "Hm"}],
)


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    """Closes the SDKs' connections."""
    with ExitStack() as stack:
        yield stack


def claude(clients: ExitStack, url: str) -> anthropic_sdk.Anthropic:
    return clients.enter_context(anthropic_sdk.Anthropic(base_url=url, api_key="sk-x", max_retries=0))


def gpt(clients: ExitStack, url: str) -> openai_sdk.OpenAI:
    return clients.enter_context(openai_sdk.OpenAI(base_url=url, api_key="sk-x", max_retries=0))


def talkative() -> Reply:
    blocks = (THINKING_BLOCK, text_block("It ", "shines"), TOOL_BLOCK)
    return Reply(list(anthropic_events(*blocks, stop="tool_use")), headers=SSE)


def test_the_same_conversation_goes_out_as_the_anthropic_sdk_sends_it(
    anthropic: Caller, clients: ExitStack
) -> None:
    anthropic.all(stream=False, messages=CONVERSATION, tools=TOOLS, max_tokens=50, stop=["X"])
    ours = anthropic.server.requests[-1]
    client = claude(clients, anthropic.server.url)
    client.messages.create(
        model="m",
        max_tokens=50,
        system="Be brief.",
        stop_sequences=["X"],
        tools=[{"name": "weather", "description": "Look it up", "input_schema": SCHEMA}],
        # type: ignore[typeddict-item]
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "Weather in Oslo?"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "Looking."},
                    {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_1",
                        "content": [{"type": "text", "text": "Sunny"}],
                    }
                ],
            },
        ],
    )
    theirs = anthropic.server.requests[-1]
    assert ours.json == theirs.json
    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    assert ours.headers["content-type"] == theirs.headers["content-type"]
    assert ours.headers["anthropic-version"] <= theirs.headers["anthropic-version"]


def test_the_anthropic_sdk_and_we_read_the_same_stream_alike(anthropic: Caller, clients: ExitStack) -> None:
    anthropic.server.script("m", talkative())
    client = claude(clients, anthropic.server.url)
    with client.messages.stream(
        model="m", max_tokens=5, messages=[{"role": "user", "content": "Hi"}]
    ) as stream:
        theirs = stream.get_final_message()
    chunks = [chunk for chunk in anthropic.all() if chunk.data is not None]
    deltas = [choice["delta"] for chunk in chunks for choice in (chunk.data or {})["choices"]]
    text = "".join(delta.get("content", "") for delta in deltas)
    assert text == "".join(block.text for block in theirs.content if block.type == "text")
    [use] = [block for block in theirs.content if block.type == "tool_use"]
    calls = [call for delta in deltas for call in delta.get("tool_calls", [])]
    assert (calls[0]["id"], calls[0]["function"]["name"]) == (use.id, use.name)
    assert orjson.loads("".join(call["function"]["arguments"] for call in calls)) == use.input
    usage = chunks[-1].usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (
        theirs.usage.input_tokens,
        theirs.usage.output_tokens,
    )


def test_the_openai_sdk_sends_what_we_send(openai: Caller, clients: ExitStack) -> None:
    openai.all(messages=CONVERSATION, tools=TOOLS, temperature=1)
    ours = openai.server.requests[-1]
    client = gpt(clients, openai.server.v1)
    stream = client.chat.completions.create(
        model="m",
        messages=CONVERSATION,  # type: ignore[arg-type]
        tools=TOOLS,  # type: ignore[arg-type]
        temperature=1,
        stream=True,
        stream_options={"include_usage": True},
    )
    seen = [chunk.model_dump(exclude_unset=True) for chunk in stream]
    theirs = openai.server.requests[-1]
    assert (ours.json, ours.path) == (theirs.json, theirs.path)
    assert ours.headers["content-type"] == theirs.headers["content-type"]
    assert seen == [chunk.data for chunk in openai.all()]


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_every_chunk_is_one_for_the_openai_sdk(openai: Caller, anthropic: Caller, dialect: str) -> None:
    caller = openai if dialect == "openai" else anthropic
    if dialect == "anthropic":
        caller.server.script("m", talkative())
    chunks = [chunk for chunk in caller.all() if chunk.data is not None]
    assert chunks
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk.data, strict=True)


def test_a_translated_answer_is_a_completion_for_the_openai_sdk(anthropic: Caller) -> None:
    block = {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {"city": "Bergen"}}
    anthropic.server.script("m", anthropic_message(content=[block], stop="tool_use"))
    [chunk] = anthropic.all(stream=False)
    completion = ChatCompletion.model_validate(chunk.data, strict=True)
    assert completion.choices[0].message.tool_calls
    assert completion.usage is not None and completion.usage.total_tokens == 10


class Door(BaseHTTPRequestHandler):
    """Sends chunks on as the gateway does, so that an OpenAI SDK can read them."""

    chunks: ClassVar[list[Chunk]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for chunk in self.chunks:
            self.wfile.write(
                b"data: %s\n\n" % orjson.dumps(chunk.data) if chunk.data else b": keep-alive\n\n"
            )
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *args: Any) -> None:
        """Stay quiet."""


@pytest.fixture
def door() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_an_openai_client_reads_what_we_emit(
    openai: Caller, anthropic: Caller, clients: ExitStack, door: str, dialect: str
) -> None:
    caller = openai if dialect == "openai" else anthropic
    caller.server.script("m", openai_stream("It ", "shines") if dialect == "openai" else talkative())
    Door.chunks = caller.all()
    client = gpt(clients, door)
    with client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "Hi"}]) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "It shines"
    assert final.usage is not None and final.usage.total_tokens == 10
    if dialect == "anthropic":
        [call] = final.choices[0].message.tool_calls or []
        assert (call.id, call.function.name) == ("toolu_2", "weather")
        assert call.function.arguments == '{"city":"Bergen"}'
        assert final.choices[0].finish_reason == "tool_calls"


def test_translated_requests_fit_the_sdks_own_types() -> None:
    """Each field that we send is one that the SDK's parameters know."""
    body = translate(
        {
            "messages": CONVERSATION,
            "tools": TOOLS,
            "tool_choice": "required",
            "parallel_tool_calls": False,
            "temperature": 1,
            "stop": "X",
            "user": "u",
            "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}},
        },
        "claude-sonnet-4-6",
        True,
    )
    known = set(anthropic_sdk.types.message_create_params.MessageCreateParamsStreaming.__annotations__)
    base = set(anthropic_sdk.types.message_create_params.MessageCreateParamsBase.__annotations__)
    assert set(body) - known - base == {"temperature"}  # the SDK has dropped it, the API version has not
