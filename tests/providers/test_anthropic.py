"""The anthropic adapter's answers: whole and streamed, good and bad, as OpenAI's."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from app.domain.calls import Usage
from app.domain.provider_errors import CredentialRefused, ProviderFailed, ProviderLimited, StreamCut
from app.providers import adapter
from tests.providers.conftest import HELLO, SECRET, Caller
from tests.upstream_replies import (
    SSE,
    Reply,
    anthropic_events,
    anthropic_message,
    anthropic_stream,
    event,
    json_reply,
    text_block,
)


def test_a_whole_answer_comes_back_as_a_completion(anthropic: Caller) -> None:
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "text", "text": "Let me "},
        {"type": "text", "text": "look."},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
    ]
    usage = {
        "input_tokens": 5,
        "output_tokens": 9,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 10,
    }
    anthropic.server.script("m", anthropic_message(content=content, stop="tool_use", usage=usage))
    [chunk] = anthropic.all(stream=False)
    assert chunk.usage == Usage(115, 9, 100, 10)
    assert chunk.finish_reason == "tool_calls"
    assert (chunk.data or {})["choices"][0]["message"] == {
        "role": "assistant",
        "content": "Let me look.",
        "refusal": None,
        "reasoning_content": "Hm.",
        "thinking_blocks": content[:1],
        "tool_calls": [
            {"id": "toolu_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
        ],
    }
    headers = anthropic.server.requests[-1].headers
    assert (headers["x-api-key"], headers["anthropic-version"]) == (SECRET, "2023-06-01")
    assert "authorization" not in headers
    assert anthropic.server.requests[-1].path == "/v1/messages"


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"), ("model_context_window_exceeded", "length"), ("new_reason", "stop"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [True, False])
def test_stop_reasons(anthropic: Caller, stop: str, expected: str, stream: bool) -> None:
    reply = anthropic_stream("a", stop=stop) if stream else anthropic_message("a", stop=stop)
    anthropic.server.script("m", reply)
    assert [c.finish_reason for c in anthropic.all(stream=stream) if c.finish_reason] == [expected]


def test_a_stream_comes_back_as_chunks(anthropic: Caller) -> None:
    thinking = ({"type": "thinking", "thinking": ""}, [{"type": "thinking_delta", "thinking": "Hm."}])
    tools = [
        ({"type": "tool_use", "id": f"toolu_{n}", "name": "f", "input": {}},
         [{"type": "input_json_delta", "partial_json": part} for part in ("", '{"a"', f":{n}}}")])
        for n in (1, 2)
    ]  # fmt: skip
    events = anthropic_events(
        thinking, text_block("Let ", "me"), *tools, stop="tool_use",
        start_usage={"input_tokens": 5, "output_tokens": 1, "cache_read_input_tokens": 100},
        end_usage={"output_tokens": 9},
    )  # fmt: skip
    anthropic.server.script("m", Reply(list(events), headers=SSE))
    chunks = [chunk for chunk in anthropic.all() if chunk.data is not None]
    deltas = [choice["delta"] for chunk in chunks for choice in (chunk.data or {})["choices"]]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert [delta["thinking_blocks"] for delta in deltas if "thinking_blocks" in delta] == [
        [{"type": "thinking", "thinking": "Hm."}]
    ]
    assert [delta["reasoning_content"] for delta in deltas if "reasoning_content" in delta] == ["Hm."]
    assert "".join(delta.get("content", "") for delta in deltas) == "Let me"
    calls = [call for delta in deltas for call in delta.get("tool_calls", [])]
    assert [call["index"] for call in calls] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert [call["id"] for call in calls if "id" in call] == ["toolu_1", "toolu_2"]
    assert "".join(call["function"]["arguments"] for call in calls) == '{"a":1}{"a":2}'
    assert [chunk.usage for chunk in chunks if chunk.usage] == [
        Usage(105, 1, 100), Usage(105, 9, 100), Usage(105, 9, 100),
    ]  # fmt: skip
    assert chunks[-1].data is not None and chunks[-1].data["choices"] == []
    assert chunks[-2].finish_reason == "tool_calls"


def test_without_message_stop_it_is_a_cut(anthropic: Caller) -> None:
    anthropic.server.script("m", anthropic_stream("a", last=False))
    with pytest.raises(StreamCut):
        anthropic.all()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("overloaded_error", ProviderFailed), ("api_error", ProviderFailed),
        ("rate_limit_error", ProviderLimited),
        ("authentication_error", CredentialRefused),
    ],
)  # fmt: skip
def test_an_error_as_the_first_event(anthropic: Caller, kind: str, expected: type[Exception]) -> None:
    error = event({"type": "error", "error": {"type": kind, "message": "x"}})
    anthropic.server.script("m", Reply([error], headers=SSE))
    with pytest.raises(ProviderFailed) as caught:
        next(anthropic.chunks())
    assert type(caught.value) is expected


def test_a_later_error_event_is_a_cut(anthropic: Caller) -> None:
    error = event({"type": "error", "error": {"type": "overloaded_error", "message": "x"}})
    anthropic.server.script("m", Reply([*list(anthropic_events())[:1], error], headers=SSE))
    with pytest.raises(StreamCut):
        anthropic.all()


@pytest.mark.parametrize(
    "usage", [{"input_tokens": -1, "output_tokens": 1}, {"input_tokens": True, "output_tokens": 1}]
)
def test_a_usage_that_cannot_be_true_is_absent(anthropic: Caller, usage: Any) -> None:
    anthropic.server.script("m", anthropic_stream("a", start_usage=usage))
    assert [chunk.usage for chunk in anthropic.all() if chunk.usage] == []


def test_the_wrong_kind_of_answer_is_converted(anthropic: Caller) -> None:
    anthropic.server.script("m", anthropic_message("Hello"))
    chunks = anthropic.all()
    assert (chunks[0].data or {})["choices"][0]["delta"]["content"] == "Hello"
    assert chunks[-1].usage == Usage(7, 3)
    anthropic.server.script("m", anthropic_stream("Hel", "lo"))
    [whole] = anthropic.all(stream=False)
    assert (whole.data or {})["choices"][0]["message"]["content"] == "Hello"
    assert (whole.usage, whole.finish_reason) == (Usage(7, 3), "stop")


@pytest.mark.parametrize(
    "value", [{}, {"type": "message"}, {"type": "error", "error": {"type": "api_error"}}]
)
def test_garbage_is_a_failure(anthropic: Caller, value: Any) -> None:
    anthropic.server.script("m", json_reply(value))
    for stream in (True, False):
        with pytest.raises(ProviderFailed):
            anthropic.all(stream=stream)


def test_strange_events_do_no_harm(anthropic: Caller) -> None:
    strange = [
        {"type": "message_start"}, {"type": "content_block_start", "index": "x", "content_block": 5},
        {"type": "content_block_delta", "index": 9, "delta": {"type": "input_json_delta"}},
        {"type": "content_block_delta", "delta": {"type": "new_delta"}}, {"type": "new_event"},
        {"type": "message_delta"},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": None}},
        {"type": "message_stop"},
    ]  # fmt: skip
    anthropic.server.script("m", Reply([event(one) for one in strange], headers=SSE))
    assert all(chunk.usage is None for chunk in anthropic.all())


def test_the_connection_can_be_tested(anthropic: Caller) -> None:
    assert anthropic.test() == "Connected. The provider lists 1 model."
    assert anthropic.server.requests[-1].path == "/v1/models?limit=1000"


def test_each_event_is_the_source_of_one_chunk(anthropic: Caller) -> None:
    events = list(anthropic_events(text_block("a"), stop="end_turn"))
    anthropic.server.script("m", Reply(list(events), headers=SSE))
    chunks = anthropic.all()
    assert b"".join(event(chunk.source or {}) for chunk in chunks) == b"".join(events)
    anthropic.server.script("m", anthropic_message("Hello"))
    [whole] = anthropic.all(stream=False)
    assert whole.source is not None and whole.source["content"] == [{"type": "text", "text": "Hello"}]


def test_the_clients_own_body_goes_out_as_it_came(anthropic: Caller) -> None:
    own = {"model": "auto", "max_tokens": 5, "messages": [], "container": "c", "stream": True}
    where = replace(
        anthropic.where, native_body=own, native_headers={"anthropic-version": "x", "anthropic-beta": "b"}
    )
    list(adapter("anthropic").chat(where, {"messages": HELLO}, False, anthropic.cancellation))
    sent = anthropic.server.requests[-1]
    assert sent.json == {"model": "m", "max_tokens": 5, "messages": [], "container": "c"}
    assert (sent.headers["anthropic-version"], sent.headers["anthropic-beta"]) == ("x", "b")


def test_the_older_functions_are_tools_there(anthropic: Caller) -> None:
    block = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
    anthropic.server.script("m", anthropic_message(content=[block], stop="tool_use"))
    function = {"name": "f", "parameters": {"type": "object"}}
    messages = [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "sunny"},
    ]
    options = {"messages": messages, "functions": [function], "function_call": {"name": "f"}}
    [whole] = anthropic.all(stream=False, **options)
    sent = anthropic.sent
    assert sent["tools"] == [{"name": "f", "input_schema": {"type": "object"}}]
    assert sent["tool_choice"] == {"type": "tool", "name": "f", "disable_parallel_tool_use": True}
    [use], [result] = sent["messages"][1]["content"], sent["messages"][2]["content"]
    assert use["id"] == result["tool_use_id"]
    choice = (whole.data or {})["choices"][0]
    assert choice["finish_reason"] == "function_call"
    assert choice["message"]["function_call"] == {"name": "f", "arguments": "{}"}


@pytest.mark.parametrize("stream", [True, False])
def test_a_refusal_says_why(anthropic: Caller, stream: bool) -> None:
    details = {"stop_details": {"type": "refusal", "explanation": "No weapons."}}
    reply = anthropic_message("", stop="refusal")
    if stream:
        last = {"type": "message_delta", "delta": {"stop_reason": "refusal", **details}, "usage": {}}
        steps = [*list(anthropic_events())[:-2], event(last), event({"type": "message_stop"})]
        reply = Reply(list(steps), headers=SSE)
    else:
        reply.steps = [json.dumps(json.loads(reply.steps[0]) | details).encode()]  # type: ignore[arg-type]
    anthropic.server.script("m", reply)
    [choice] = [c for chunk in anthropic.all(stream=stream) if chunk.data for c in chunk.data["choices"]
                if c["finish_reason"]]  # fmt: skip
    assert choice["finish_reason"] == "content_filter"
    assert choice["delta" if stream else "message"]["refusal"] == "No weapons."
