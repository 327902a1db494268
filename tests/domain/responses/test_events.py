"""Streams of both kinds of providers as the events of a response, wherever the network cuts them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from app.domain import streams
from app.domain.calls import Call, Chunk
from app.domain.chat import join
from app.domain.dialects import RESPONSES
from app.domain.provider_errors import StreamCut
from app.domain.records import Record
from app.domain.responses import answer
from app.domain.responses.request import chat_body
from app.domain.sse import Splitter
from app.providers.anthropic_answer import StreamTranslator
from app.providers.base import chunk_of
from tests.upstream_replies import anthropic_events, data, openai_chunk, text_block

ARGUMENTS = ['{"city": "Ky\u014dto \U0001f33c",  "quote": "\\"\\\\', 'n\\u00e9", "list": [1,2.50,1e3]}']
SAME = "".join(ARGUMENTS)
CUSTOM = {"type": "custom", "name": "patch"}


def record(**body: Any) -> Record:
    call = Call("proxy", "responses", lambda: b"", "01890000-0000-7000-8000-000000000000")
    call.body = {"model": "m", "input": "Hi", **body}
    return Record(call)


def use(index: int, **function: str) -> dict[str, Any]:
    named = {"id": f"call_{index}", "type": "function"} if "name" in function else {}
    return {"tool_calls": [{"index": index, **named, "function": function}]}


def openai_bytes() -> Iterator[bytes]:
    """Tools first, two of them at once, then text."""
    yield data(openai_chunk({"role": "assistant", "content": None}))
    yield data(openai_chunk(use(0, name="weather", arguments="")))
    yield data(openai_chunk(use(0, arguments=ARGUMENTS[0])))
    yield data(openai_chunk(use(1, name="weather", arguments="{}")))
    yield data(openai_chunk(use(0, arguments=ARGUMENTS[1])))
    yield data(openai_chunk({"content": "Wait."}))
    yield data(openai_chunk({}, "tool_calls"))
    yield data("[DONE]")


def anthropic_bytes() -> Iterator[bytes]:
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ARGUMENTS]
    block = {"type": "tool_use", "id": "call_0", "name": "weather", "input": {}}
    other = {"type": "tool_use", "id": "call_1", "name": "weather", "input": {}}
    empty = [{"type": "input_json_delta", "partial_json": "{}"}]
    return anthropic_events((block, pieces), (other, empty), text_block("Wait."), stop="tool_use")


def chunks_of(pieces: list[bytes], read: Callable[[dict[str, Any]], Chunk]) -> Iterator[Chunk]:
    splitter = Splitter()
    for piece in pieces:
        for event in splitter.feed(piece):
            if event.data != b"[DONE]":
                yield read(orjson.loads(event.data))


def told(chunks: Iterator[Chunk], of: Record) -> list[dict[str, Any]]:
    """Return the events, after checking what holds for all of them."""
    found = []
    for block in b"".join(streams.events(chunks, RESPONSES, of)).decode().split("\n\n"):
        if block and not block.startswith(":"):
            name, _, sent = block.partition("\n")
            found.append(json.loads(sent.removeprefix("data: ")))
            assert name == f"event: {found[-1]['type']}"
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    assert [event["type"] for event in found[:2]] == ["response.created", "response.in_progress"]
    return found


@pytest.mark.parametrize("anthropic", [False, True])
def test_arguments_survive_a_stream_cut_at_every_byte(anthropic: bool) -> None:
    raw = b"".join(anthropic_bytes() if anthropic else openai_bytes())

    def output(pieces: list[bytes]) -> list[dict[str, Any]]:
        read = StreamTranslator().chunk if anthropic else chunk_of
        last = told(chunks_of(pieces, read), record())[-1]
        assert last["type"] == "response.completed"
        return list(last["response"]["output"])

    whole = output([raw])
    assert [item["type"] for item in whole] == ["function_call", "function_call", "message"]
    assert [item["arguments"] for item in whole[:2]] == [SAME, "{}"]
    assert [item["call_id"] for item in whole[:2]] == ["call_0", "call_1"]
    assert all(output([raw[:cut], raw[cut:]]) == whole for cut in range(1, len(raw)))
    assert output([bytes([byte]) for byte in raw]) == whole


def stream(*deltas: dict[str, Any], finish: str = "stop") -> Iterator[Chunk]:
    for delta in deltas:
        yield chunk_of(openai_chunk(delta))
    yield chunk_of(openai_chunk({}, finish))


def test_reasoning_and_text_come_in_the_whole_sequence() -> None:
    found = told(stream({"reasoning_content": "Hm"}, {"content": "He"}, {"content": "y"}), record())
    assert [event["type"].removeprefix("response.") for event in found] == [
        "created", "in_progress",
        "output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.done",
        "content_part.done", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done",
        "completed",
    ]  # fmt: skip
    reasoning, message = found[-1]["response"]["output"]
    assert reasoning["content"] == [{"type": "reasoning_text", "text": "Hm"}]
    assert message["content"][0]["text"] == "Hey" and message["status"] == "completed"


def test_a_summary_is_sent_where_it_is_asked_for() -> None:
    found = told(stream({"reasoning_content": "Hm"}), record(reasoning={"summary": "auto"}))
    assert "response.reasoning_summary_text.delta" in [event["type"] for event in found]
    assert found[-1]["response"]["output"][0]["summary"] == [{"type": "summary_text", "text": "Hm"}]


def test_signed_thoughts_go_out_and_come_back() -> None:
    blocks = [{"type": "thinking", "thinking": "Hm", "signature": "sig=="}]
    deltas = {"reasoning_content": "Hm"}, {"thinking_blocks": blocks}, use(0, name="weather", arguments="{}")
    output = told(stream(*deltas), record())[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["reasoning", "function_call"]
    asked = [{"role": "user", "content": "Hi"}, *output]
    answered = chat_body({"model": "m", "input": asked})["messages"][-1]
    assert answered["thinking_blocks"] == blocks and answered["reasoning_content"] == "Hm"
    assert answered["tool_calls"][0]["function"]["name"] == "weather"
    output[0]["encrypted_content"] = "gAAAA-of-somebody-else"
    assert "thinking_blocks" not in chat_body({"model": "m", "input": asked})["messages"][-1]


def test_an_answer_that_was_cut_short_is_incomplete() -> None:
    last = told(stream({"content": "He"}, finish="length"), record())[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert last["response"]["output"][0]["status"] == "incomplete"


def test_a_failed_stream_never_looks_whole() -> None:
    def failing() -> Iterator[Chunk]:
        yield chunk_of(openai_chunk({"content": "He"}))
        raise StreamCut

    *_, failed, error = told(failing(), record())
    assert failed["type"] == "response.failed" and failed["response"]["status"] == "failed"
    assert error["type"] == "error" and error["message"] == error["error"]["message"]


def test_a_tool_of_plain_text_gets_plain_text() -> None:
    text = 'line "one"\nline two'
    sent = json.dumps({"input": text})
    found = told(stream(use(0, name="patch", arguments=sent[:7]), use(0, arguments=sent[7:])),
                 record(tools=[CUSTOM]))  # fmt: skip
    item = found[-1]["response"]["output"][0]
    assert (item["type"], item["input"], item["call_id"]) == ("custom_tool_call", text, "call_0")
    assert [event["delta"] for event in found if event["type"].endswith("input.delta")] == [text]


@pytest.mark.parametrize("finish", ["stop", "tool_calls", "length"])
def test_a_buffered_answer_says_the_same_as_a_stream(finish: str) -> None:
    deltas: list[dict[str, Any]] = [{"reasoning_content": "Hm"}, {"content": "Hey"}]
    if finish == "tool_calls":
        deltas.append(use(0, name="weather", arguments=SAME))
    streamed = told(stream(*deltas, finish=finish), record())[-1]["response"]
    completion = join(chunk.data for chunk in stream(*deltas, finish=finish) if chunk.data)
    buffered = answer.whole(completion, record())
    assert buffered["output"] == streamed["output"]
    assert buffered["status"] == streamed["status"]
