"""The events that a chat client reads: whose words, usage where it can be read, one clean end (O1, A9)."""

from __future__ import annotations

import json
from typing import Any

from app.domain.calls import HEARTBEAT, Call, Chunk, Usage
from app.domain.dialects import OPENAI
from app.domain.provider_errors import StreamCut
from app.domain.records import Record
from app.domain.streams import events

BASE = {"id": "c1", "object": "chat.completion.chunk", "created": 5, "model": "m"}
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


def piece(delta: dict[str, Any], index: int = 0, finish: str | None = None, **more: Any) -> Chunk:
    choice = {"index": index, "delta": delta, "finish_reason": finish, **more}
    return Chunk({**BASE, "choices": [choice]}, None, finish)


def read(*chunks: Chunk, options: dict[str, Any] | None = None) -> list[Any]:
    """Return what a client reads; a comment as its text."""
    body = {"stream": True, "stream_options": options}
    record = Record(Call("proxy", "openai", lambda: b"", "r1", body=body))
    record.streamed = True

    def watched() -> Any:
        for chunk in chunks:
            record.watch(chunk)
            yield chunk

    raw = b"".join(events(watched(), OPENAI, record)).decode()
    return [
        one if one[0] == ":" or one.endswith("[DONE]") else json.loads(one[6:])
        for one in raw.split("\n\n")[:-1]
    ]


def usage_chunk(**details: Any) -> Chunk:
    return Chunk({**BASE, "choices": [], "usage": {**USAGE, **details}}, Usage(7, 3))


def test_usage_comes_on_the_last_chunk_that_has_a_choice() -> None:
    role, text, finish, done = read(
        piece({"role": "assistant", "content": ""}), piece({"content": "Hi"}), piece({}, finish="stop"),
        usage_chunk(prompt_tokens_details={"audio_tokens": 2}, cost=5),
    )  # fmt: skip
    assert role["choices"][0]["delta"]["role"] == "assistant" and text["choices"][0]["delta"] == {
        "content": "Hi"
    }
    assert finish["choices"][0] == {"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}
    assert finish["usage"]["total_tokens"] == 10 and "cost" not in finish["usage"]
    assert finish["usage"]["prompt_tokens_details"]["audio_tokens"] == 2
    assert done == "data: [DONE]"


def test_usage_comes_alone_when_asked_for() -> None:
    *_, finish, usage, done = read(
        piece({"content": "Hi"}), piece({}, finish="stop"), usage_chunk(), options={"include_usage": True}
    )
    assert "usage" not in finish and finish["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == [] and usage["usage"]["completion_tokens"] == 3 and done == "data: [DONE]"


def test_the_first_chunk_of_each_choice_says_whose_words_they_are() -> None:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    found = read(
        piece({"tool_calls": [call]}), piece({"content": "b"}, 1), piece({"content": "c"}, 1),
        piece({}, 0, "tool_calls"), piece({"content": "d"}, 1), piece({}, 1, "stop"), usage_chunk(),
    )  # fmt: skip
    deltas = [(one["choices"][0]["index"], one["choices"][0]["delta"]) for one in found[:-1]]
    assert deltas[0] == (0, {"role": "assistant", "tool_calls": [call]})
    assert deltas[1] == (1, {"role": "assistant", "content": "b"}) and deltas[2] == (1, {"content": "c"})
    ends = [one["choices"][0]["finish_reason"] for one in found[:-1]]
    assert ends == [None, None, None, "tool_calls", None, "stop"]
    assert ["usage" in one for one in found[:-1]] == [False] * 5 + [True]


def test_silence_is_a_comment_and_what_says_nothing_is_left_out() -> None:
    empty = Chunk({**BASE, "choices": []})
    found = read(
        empty, HEARTBEAT, piece({"content": "a"}, logprobs={"content": [1]}), empty, piece({}, finish="stop")
    )
    assert found[0].startswith(":") and len(found) == 4
    assert found[1]["choices"][0]["logprobs"] == {"content": [1]}


def test_a_cut_is_an_error_without_an_end() -> None:
    def breaking() -> Any:
        yield piece({"content": "a"})
        raise StreamCut

    record = Record(Call("proxy", "openai", lambda: b"", "r1"))
    raw = b"".join(events(breaking(), OPENAI, record))
    assert b'"stream_interrupted"' in raw and b"[DONE]" not in raw
