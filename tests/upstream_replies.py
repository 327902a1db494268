"""What the scripted upstream can answer: replies step by step, and the usual answers of both dialects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


class Cut:
    """Close the connection (FIN)."""


class Reset:
    """Close the connection with RST."""


class Hang:
    """Say nothing until the client leaves."""


Step = bytes | float | type[Cut] | type[Reset] | type[Hang]


@dataclass
class Reply:
    """A response. Steps: bytes are sent (in one chunk each), a number is a pause in seconds."""

    steps: list[Step] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    framing: str = "chunked"  # chunked | length | close | raw (steps are the whole response)
    declared: int | None = None  # a lie for Content-Length
    keep_alive: bool = True
    endless: bool = False  # repeat the steps until the client leaves


SSE = {"Content-Type": "text/event-stream"}
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


def data(value: Any, name: str = "") -> bytes:
    """Return one server-sent event."""
    text = value if isinstance(value, str) else json.dumps(value)
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


def openai_chunk(delta: dict[str, Any], finish: str | None = None, **fields: Any) -> dict[str, Any]:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "up-model"}
    return base | {"choices": choices} | fields


def openai_events(
    *words: str, usage: Any = USAGE, finish: str | None = "stop", done: bool = True
) -> Iterator[bytes]:
    yield data(openai_chunk({"role": "assistant", "content": ""}))
    for word in words:
        yield data(openai_chunk({"content": word}))
    if finish is not None:
        yield data(openai_chunk({}, finish))
    if usage is not None:
        yield data(openai_chunk({}, choices=[], usage=usage))
    if done:
        yield data("[DONE]")


def openai_stream(*words: str, gap: float = 0, framing: str = "chunked", **options: Any) -> Reply:
    """Return a streamed OpenAI answer, `gap` seconds between its events."""
    return Reply(spaced(openai_events(*words, **options), gap), headers=SSE, framing=framing)


def openai_completion(text: str, usage: Any = USAGE, model: str = "up-model", **message: Any) -> Reply:
    answer = {"role": "assistant", "content": text, **message}
    choice = {"index": 0, "message": answer, "finish_reason": "stop"}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": model,
        "choices": [choice],
    }
    return json_reply(body if usage is None else body | {"usage": usage})


def json_reply(body: Any, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply([json.dumps(body).encode()], status, named, framing="length")


def error_reply(
    status: int, message: str = "No.", kind: str = "invalid_request_error", **headers: str
) -> Reply:
    return json_reply({"error": {"message": message, "type": kind, "code": None}}, status, **headers)


def models() -> Reply:
    return json_reply({"object": "list", "data": [{"id": "up-model", "object": "model"}]})


ANTHROPIC_USAGE = {"input_tokens": 7, "output_tokens": 3}


def anthropic_message(
    text: str = "", content: Any = None, stop: str = "end_turn", usage: Any = None
) -> Reply:
    return json_reply(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-up",
            "content": [{"type": "text", "text": text}] if content is None else content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": ANTHROPIC_USAGE if usage is None else usage,
        }
    )


def anthropic_events(
    *blocks: tuple[dict[str, Any], list[dict[str, Any]]],
    stop: str = "end_turn",
    start_usage: Any = None,
    end_usage: Any = None,
    last: bool = True,
) -> Iterator[bytes]:
    """Yield the events of a message: each block is its start and its deltas."""
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-up", "content": [],
        "stop_reason": None, "stop_sequence": None,
        "usage": start_usage or {"input_tokens": 7, "output_tokens": 1},
    }  # fmt: skip
    yield event({"type": "message_start", "message": message})
    yield event({"type": "ping"})
    for index, (block, deltas) in enumerate(blocks):
        yield event({"type": "content_block_start", "index": index, "content_block": block})
        for delta in deltas:
            yield event({"type": "content_block_delta", "index": index, "delta": delta})
        yield event({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": stop, "stop_sequence": None}
    yield event({"type": "message_delta", "delta": delta, "usage": end_usage or {"output_tokens": 3}})
    if last:
        yield event({"type": "message_stop"})


def event(value: dict[str, Any]) -> bytes:
    return data(value, value["type"])


def text_block(*words: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return {"type": "text", "text": ""}, [{"type": "text_delta", "text": word} for word in words]


def anthropic_stream(*words: str, gap: float = 0, **options: Any) -> Reply:
    return Reply(spaced(anthropic_events(text_block(*words), **options), gap), headers=SSE)


def spaced(events: Iterator[bytes], gap: float) -> list[Step]:
    steps: list[Step] = []
    for one in events:
        steps += [one, gap] if gap else [one]
    return steps
