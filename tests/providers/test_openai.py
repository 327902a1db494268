"""The openai adapter: what it sends, what it makes of good answers, and what of bad ones."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.calls import Upstream, Usage
from app.domain.provider_errors import ProviderFailed, ProviderRefused, StreamCut
from app.providers.openai import request
from tests.providers.conftest import SECRET, Caller
from tests.upstream_replies import (
    SSE,
    Cut,
    Reply,
    Reset,
    data,
    error_reply,
    json_reply,
    openai_chunk,
    openai_completion,
    openai_events,
    openai_stream,
)


def texts(chunks: list[Any]) -> str:
    deltas = [choice["delta"] for chunk in chunks for choice in chunk.data["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


def test_a_stream_arrives_chunk_by_chunk_with_its_usage(openai: Caller) -> None:
    chunks = openai.all(temperature=2, unknown={"kept": True})
    assert texts(chunks) == "Hello there"
    assert [chunk.finish_reason for chunk in chunks] == [None, None, None, "stop", None]
    assert chunks[-1].usage == Usage(7, 3)
    assert openai.sent == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 2,
        "unknown": {"kept": True},
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    headers = openai.server.requests[-1].headers
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert headers["accept"] == "text/event-stream"


def test_a_buffered_answer_is_one_chunk(openai: Caller) -> None:
    [chunk] = openai.all(stream=False, stream_options={"include_usage": True})
    assert chunk.data is not None
    assert chunk.data["choices"][0]["message"]["content"] == "Hello there"
    assert (chunk.usage, chunk.finish_reason) == (Usage(7, 3), "stop")
    assert "stream" not in openai.sent
    assert "stream_options" not in openai.sent


def test_the_clients_own_stream_options_go_along(openai: Caller) -> None:
    openai.all(stream_options={"include_usage": False, "include_obfuscation": False})
    assert openai.sent["stream_options"] == {"include_usage": True, "include_obfuscation": False}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o", "max_tokens"), ("gpt-oss-120b", "max_tokens"), ("llama-3", "max_tokens"),
        ("openrouter-x", "max_tokens"),
        ("gpt-5", "max_completion_tokens"), ("gpt-6.1-sol", "max_completion_tokens"),
        ("o3", "max_completion_tokens"),
        ("openai/gpt-5.2", "max_completion_tokens"), ("gpt-10", "max_completion_tokens"),
    ],
)  # fmt: skip
def test_the_limit_has_the_name_that_the_model_knows(model: str, name: str) -> None:
    where = Upstream("up", "openai", "", model)
    assert request(where, {"max_tokens": 5}, False) == {"model": model, name: 5}


def test_the_connection_is_used_again_after_done(openai: Caller) -> None:
    for _ in range(5):
        openai.all()
    assert openai.server.connections < 5  # an answer's last bytes may come too late for the very next call


def test_a_finish_reason_and_a_clean_end_prove_success_without_done(openai: Caller) -> None:
    openai.server.script("m", openai_stream("a", done=False))
    assert texts(openai.all()) == "a"


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_an_end_without_proof_is_a_cut(openai: Caller, framing: str) -> None:
    openai.server.script("m", openai_stream("a", finish=None, usage=None, done=False, framing=framing))
    with pytest.raises(StreamCut):
        openai.all()


@pytest.mark.parametrize("ending", [Cut, Reset])
def test_a_break_is_a_cut_even_after_the_finish_reason(openai: Caller, ending: Any) -> None:
    openai.server.script("m", Reply([*openai_events("a", done=False), ending], headers=SSE))
    chunks = openai.chunks()
    assert next(chunks).data is not None
    with pytest.raises(StreamCut):
        list(chunks)


def test_every_cut_gives_the_same_chunks(openai: Caller) -> None:
    whole = b"\xef\xbb\xbf: hi\r\n\r\n" + b"".join(openai_events("ü", "x\n\ndata: y")).replace(b"\n", b"\r\n")
    expected = ["", "ü", "x\n\ndata: y"]
    for size in (1, 2, 3, 7, 50):
        pieces = [whole[i : i + size] for i in range(0, len(whole), size)]
        openai.server.script("m", Reply(list(pieces), headers=SSE))
        chunks = openai.all()
        found = [c["delta"].get("content") for chunk in chunks for c in (chunk.data or {})["choices"]]
        assert found[:3] == expected
        assert chunks[-1].usage == Usage(7, 3)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 2}, Usage(5, 2)),
        ({"prompt_tokens": -5, "completion_tokens": 2}, None),
        ({"prompt_tokens": 5, "completion_tokens": 10**18}, None),
        ({"prompt_tokens": True, "completion_tokens": 2}, None),
        ({"prompt_tokens": "5", "completion_tokens": 2}, None),
        ({"prompt_tokens": 5.5, "completion_tokens": 2}, None),
        ({}, None),
        ("many", None),
        ([], None),
        (None, None),
    ],
)
def test_a_usage_that_cannot_be_true_is_absent(openai: Caller, usage: Any, expected: Usage | None) -> None:
    openai.server.script("m", openai_stream("a", usage=usage))
    seen = [chunk.usage for chunk in openai.all() if chunk.usage]
    assert seen == ([expected] if expected else [])


def test_an_error_as_the_first_event_comes_before_any_chunk(openai: Caller) -> None:
    error = {"error": {"message": f"bad key {SECRET}", "type": "server_error"}}
    openai.server.script("m", Reply([data(error)], headers=SSE))
    with pytest.raises(ProviderFailed) as caught:
        next(openai.chunks())
    assert not isinstance(caught.value, StreamCut)
    assert SECRET not in caught.value.message


def test_a_later_error_event_is_a_cut(openai: Caller) -> None:
    steps = [data(openai_chunk({"content": "a"})), data({"error": {"message": "boom"}})]
    openai.server.script("m", Reply(list(steps), headers=SSE))
    chunks = openai.chunks()
    next(chunks)
    with pytest.raises(StreamCut):
        next(chunks)


@pytest.mark.parametrize(
    "reply",
    [
        Reply([], headers=SSE),
        Reply([data("[DONE]")], headers=SSE),
        Reply([b"<html>busy</html>"], headers={"Content-Type": "text/html"}),
        Reply([data("not json")], headers=SSE),
        Reply([data("[1]")], headers=SSE),
        Reply([data('{"choices":' + "[" * 500 + "]" * 500 + "}")], headers=SSE),
        Reply([b'{"broken'], framing="length"),
        json_reply({"choices": []}),
        json_reply({"error": {"message": "no", "type": "server_error"}}),
        Reply([], 204, framing="length"),
        Reply([b"data: " + b"x" * (1 << 21)], headers=SSE),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_garbage_is_a_failure_before_the_first_chunk(openai: Caller, reply: Reply, stream: bool) -> None:
    openai.server.script("m", reply)
    with pytest.raises(ProviderFailed) as caught:
        openai.all(stream=stream)
    assert not isinstance(caught.value, StreamCut | ProviderRefused)


def test_garbage_after_the_first_chunk_is_a_cut(openai: Caller) -> None:
    openai.server.script("m", Reply([data(openai_chunk({"content": "a"})), data("{nope")], headers=SSE))
    with pytest.raises(StreamCut):
        openai.all()


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "text/plain", ""])
def test_a_whole_answer_to_a_stream_becomes_chunks(openai: Caller, kind: str) -> None:
    calls = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    reply = openai_completion("Hello", tool_calls=calls)
    reply.headers["Content-Type"] = kind
    openai.server.script("m", reply)
    chunks = openai.all()
    assert texts(chunks) == "Hello"
    first = (chunks[0].data or {})["choices"][0]["delta"]
    assert first["tool_calls"][0]["index"] == 0
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["stop"]
    assert chunks[-1].usage == Usage(7, 3)


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_a_stream_in_place_of_a_whole_answer_is_joined(openai: Caller, kind: str) -> None:
    reply = openai_stream("Hello", " you")
    reply.headers = {"Content-Type": kind}
    openai.server.script("m", reply)
    [chunk] = openai.all(stream=False)
    assert (chunk.data or {})["choices"][0]["message"]["content"] == "Hello you"
    assert chunk.usage == Usage(7, 3)


def test_a_cut_stream_in_place_of_a_whole_answer_fails(openai: Caller) -> None:
    openai.server.script("m", openai_stream("Hello", finish=None, done=False))
    with pytest.raises(ProviderFailed):
        openai.all(stream=False)


def test_the_connection_can_be_tested(openai: Caller) -> None:
    assert openai.test() == "Connected. The provider lists 1 model."
    openai.server.script("GET /v1/models", json_reply([{"id": "a"}, {"id": "b"}]))
    assert openai.test() == "Connected. The provider lists 2 models."
    openai.server.script("GET /v1/models", error_reply(404))
    assert "could not be tried" in openai.test()
    openai.server.script("GET /v1/models", error_reply(401))
    with pytest.raises(ProviderFailed, match="refused the gateway's key"):
        openai.test()
