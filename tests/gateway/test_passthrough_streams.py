"""Forwarded streams: the provider's own bytes, usage found on the way, no clean-looking end (L12)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.gateway.passthrough_replies import response_events, response_stream
from tests.gateway.passthrough_world import BODY, MESSAGE, Proxy, make_proxy
from tests.upstream import Upstream
from tests.upstream_replies import (
    SSE,
    Cut,
    Reply,
    anthropic_events,
    data,
    event,
    openai_chunk,
    openai_completion,
    openai_events,
    text_block,
)
from tests.world import World

CHAT = "/v1/openai/chat/completions"
MESSAGES = "/v1/anthropic/messages"
RESPONSES = "/v1/openai/responses"
STREAM: dict[str, Any] = BODY | {"stream": True}
ASKED: dict[str, Any] = STREAM | {"stream_options": {"include_usage": True}}
MESSAGE_STREAM: dict[str, Any] = MESSAGE | {"stream": True}
RESPONSE_STREAM: dict[str, Any] = {"model": "gpt-x", "input": "Tell me a joke.", "stream": True}


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    return make_proxy(world.acme, upstream, client)


def strange(events: Iterator[bytes] | list[bytes], line_end: str) -> bytes:
    """Return the events with a BOM, comments, unusual fields and other line ends."""
    text = b"".join(events).decode()
    odd = ": first of all\n\nid: 7\nretry: 10\n" + text.replace("\n\n", "\n\n: more\n\n", 2)
    return ("\ufeff" + odd.replace("Hello", "Hällo 🎈")).replace("\n", line_end).encode()


def streams(line_end: str) -> list[tuple[str, dict[str, Any], bytes]]:
    messages = anthropic_events(text_block("Hello", " there"))
    return [
        (CHAT, ASKED, strange(openai_events("Hello", " there"), line_end)),
        (MESSAGES, MESSAGE_STREAM, strange(messages, line_end)),
        (RESPONSES, RESPONSE_STREAM, strange(response_events("Hello", " there"), line_end)),
    ]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_every_byte_comes_as_it_was_sent(proxy: Proxy, line_end: str) -> None:
    whole = streams(line_end)
    for path, body, sent, steps in [
        *((path, body, sent, [sent]) for path, body, sent in whole),
        *((path, body, sent, [bytes([byte]) for byte in sent]) for path, body, sent in whole),
    ]:
        proxy.upstream.script(body["model"], Reply(list(steps), headers=SSE))
        assert proxy.post(path, body).data == sent
        record = proxy.record
        assert record.outcome == "succeeded" and record.stream and not record.estimated
        assert record.input_tokens > 0 and record.output_tokens > 0


def test_only_the_usage_chunk_that_nobody_asked_for_is_missing(proxy: Proxy) -> None:
    events = list(openai_events("Hello", " there"))
    proxy.upstream.script("gpt-x", Reply(list(events), headers=SSE))
    sent = b'  {"model":"gpt-x", "stream":true,  "messages":[{"role":"user","content":"Hi"}], "t":1.0}\n'
    response = proxy.post(CHAT, sent)
    assert response.data == b"".join([*events[:-2], events[-1]])
    asked = proxy.upstream.requests[-1].body
    added = b'"stream_options":{"include_usage":true},'
    assert added in asked and asked.replace(added, b"") == sent, "nothing else is touched"
    assert (proxy.record.input_tokens, proxy.record.output_tokens) == (7, 3)
    response = proxy.post(CHAT, ASKED)
    assert response.data == b"".join(events)


def test_the_clients_stream_options_are_kept(proxy: Proxy) -> None:
    for options in (None, {}, {"include_usage": False, "include_obfuscation": False}):
        response = proxy.post(CHAT, STREAM | {"stream_options": options})
        assert b"usage" not in response.data and response.data.endswith(b"data: [DONE]\n\n")
        asked = proxy.upstream.requests[-1].json
        assert asked["stream_options"] == (options or {}) | {"include_usage": True}
        assert {name: asked[name] for name in STREAM} == STREAM


def test_stream_true_alone_is_enough_and_headers_suit_a_stream(proxy: Proxy) -> None:
    response = proxy.post(CHAT, STREAM)
    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert "no-transform" in response.headers["Cache-Control"]
    assert proxy.upstream.requests[-1].headers["accept"] == "text/event-stream"


def test_cumulative_counts_are_not_added_up(proxy: Proxy) -> None:
    start = {"input_tokens": 10, "cache_read_input_tokens": 4, "output_tokens": 1}
    events = anthropic_events(text_block("a"), start_usage=start, end_usage={"output_tokens": 30})
    proxy.upstream.script("claude-x", Reply(list(events), headers=SSE))
    proxy.post(MESSAGES, MESSAGE_STREAM)
    record = proxy.record
    assert (record.input_tokens, record.cache_read_tokens, record.output_tokens) == (14, 4, 30)
    assert record.finish_reason == "end_turn" and record.upstream_id == "msg_1"


def test_a_response_ends_completed_or_incomplete(proxy: Proxy) -> None:
    for last in ("completed", "incomplete"):
        proxy.upstream.script("gpt-x", response_stream("Hello", last=last))
        proxy.post(RESPONSES, RESPONSE_STREAM)
        record = proxy.record
        assert (record.outcome, record.output_tokens, record.reasoning_tokens) == ("succeeded", 9, 4)
        assert (record.finish_reason, record.upstream_id, record.operation) == (last, "resp_1", "responses")


def test_a_response_that_fails_says_so_itself(proxy: Proxy) -> None:
    failed = response_stream("Hello", last="failed", error={"code": "server_error", "message": "x"})
    proxy.upstream.script("gpt-x", failed)
    response = proxy.post(RESPONSES, RESPONSE_STREAM)
    assert response.data == b"".join(step for step in failed.steps if isinstance(step, bytes))
    assert proxy.record.outcome == "cut" and proxy.record.output_tokens == 9


USAGES: list[Any] = [
    {"prompt_tokens": -1, "completion_tokens": 3},
    {"prompt_tokens": "7", "completion_tokens": 3},
    {"prompt_tokens": True, "completion_tokens": 3},
    {"prompt_tokens": 10**18, "completion_tokens": 10**18},
    {"completion_tokens": 3},
    "7",
    None,
]


def test_usage_that_cannot_be_is_counted_instead(proxy: Proxy) -> None:
    for usage in USAGES:
        events = list(openai_events("one two", " three", usage=usage))
        proxy.upstream.script("gpt-x", Reply(list(events), headers=SSE))
        assert proxy.post(CHAT, STREAM).data.endswith(b"data: [DONE]\n\n")
        record = proxy.record
        assert record.outcome == "succeeded" and record.estimated, usage
        assert 0 < record.input_tokens < 50 and 0 < record.output_tokens < 10, usage


def test_a_hostile_count_at_the_end_of_a_message_is_counted(proxy: Proxy) -> None:
    for tokens in (-1, "30", True, 10**18):
        events = anthropic_events(text_block("one two", " three four"), end_usage={"output_tokens": tokens})
        proxy.upstream.script("claude-x", Reply(list(events), headers=SSE))
        proxy.post(MESSAGES, MESSAGE_STREAM)
        record = proxy.record
        assert record.estimated and record.input_tokens == 7, tokens
        assert 4 <= record.output_tokens <= 10, tokens


def test_the_last_valid_usage_counts_even_after_the_end(proxy: Proxy) -> None:
    def usage(tokens: Any) -> bytes:
        counts = {"prompt_tokens": tokens, "completion_tokens": 1}
        return data(openai_chunk({}, choices=[], usage=counts))

    steps = [*openai_events("Hi", usage=None, done=False), usage(5), usage("x"), data("[DONE]"), usage(9)]
    proxy.upstream.script("gpt-x", Reply(list(steps), headers=SSE))
    assert proxy.post(CHAT, ASKED).data == b"".join(steps)
    assert (proxy.record.outcome, proxy.record.input_tokens) == ("succeeded", 9)


CUTS = [
    (CHAT, STREAM, list(openai_events("Hello", " there", done=False))[:-1], b'data: {"error":'),
    (
        MESSAGES,
        MESSAGE_STREAM,
        list(anthropic_events(text_block("Hello"), last=False))[:-1],
        b"event: error\ndata: ",
    ),
    (RESPONSES, RESPONSE_STREAM, response_events("Hello", " there", last=""), b'data: {"error":'),
]


@pytest.mark.parametrize(("path", "body", "events", "begin"), CUTS, ids=["chat", "messages", "responses"])
def test_a_cut_never_looks_like_an_end(
    proxy: Proxy, path: str, body: dict[str, Any], events: list[bytes], begin: bytes
) -> None:
    for more in ([], [Cut], [b'data: {"half', Cut]):
        check_cut(proxy, path, body, events, begin, more)


def check_cut(
    proxy: Proxy, path: str, body: dict[str, Any], events: list[bytes], begin: bytes, more: list[Any]
) -> None:
    proxy.upstream.script(body["model"], Reply([*events, *more], headers=SSE))
    response = proxy.post(path, body)
    whole = b"".join(events)
    assert response.data.startswith(whole + begin), "whole events alone, then the error"
    assert b"[DONE]" not in response.data and response.data.endswith(b"}\n\n")
    told = json.loads(response.data[len(whole) :].split(b"data: ", 1)[1])
    assert told["error"]["message"]
    record = proxy.record
    assert record.outcome == "cut" and record.estimated
    assert record.input_tokens > 0 and record.output_tokens > 0


@pytest.mark.parametrize(
    ("path", "body", "events"),
    [
        (CHAT, STREAM, [data(openai_chunk({"content": "Hi"})), data({"error": {"message": "Overloaded"}})]),
        (
            MESSAGES,
            MESSAGE_STREAM,
            [event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})],
        ),
    ],
)
def test_the_providers_own_error_event_is_the_last(
    proxy: Proxy, path: str, body: dict[str, Any], events: list[bytes]
) -> None:
    proxy.upstream.script(body["model"], Reply(list(events), headers=SSE))
    assert proxy.post(path, body).data == b"".join(events)
    first_of_all = len(events) == 1
    assert proxy.record.outcome == ("failed" if first_of_all else "cut")
    assert (proxy.record.input_tokens == 0) is first_of_all, "without any output it costs nothing"


def test_the_answers_own_form_wins(proxy: Proxy) -> None:
    proxy.upstream.script("gpt-x", openai_completion("Hi"))
    response = proxy.post(CHAT, STREAM)
    assert response.get_json()["object"] == "chat.completion"
    assert not proxy.record.stream and proxy.record.output_tokens == 3
    events = list(openai_events("Hi"))
    proxy.upstream.script("gpt-x", Reply(list(events), headers={"Content-Type": "text/plain"}))
    response = proxy.post(CHAT, BODY)
    assert response.data == b"".join(events) and proxy.record.stream


def test_tool_calls_and_thoughts_are_counted_too(proxy: Proxy) -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"a": 1}'}}
    events = [
        data(openai_chunk({"tool_calls": [call]})),
        data(openai_chunk({}, "tool_calls")),
        data("[DONE]"),
    ]
    proxy.upstream.script("gpt-x", Reply(list(events), headers=SSE))
    proxy.post(CHAT, STREAM)
    assert proxy.record.estimated and proxy.record.output_tokens >= 4
    assert proxy.record.finish_reason == "tool_calls"
