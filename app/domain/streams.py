"""Turns chunks into the events of a stream: usage where clients can read it, one clean end, or one error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from app.domain import route_headers
from app.domain.calls import Chunk
from app.domain.chat import choices_of
from app.domain.dialects import Dialect, summary, told_usage
from app.domain.errors import GatewayError
from app.domain.messages import events as messages
from app.domain.provider_errors import ReportedCut, StreamCut
from app.domain.records import Record
from app.domain.responses import events as responses

KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"


def event(data: dict[str, Any], name: str = "") -> bytes:
    """Return one server-sent event."""
    return name.encode() + b"data: " + orjson.dumps(data) + b"\n\n"


def events(chunks: Iterator[Chunk], dialect: Dialect, record: Record) -> Iterator[bytes]:
    """Yield the stream's bytes. An error after the first byte becomes one last event (C29)."""
    try:
        yield from RENDERERS[dialect.name](chunks, record)
    except GatewayError as error:
        yield event(dialect.error_body(error, record.call.request_id), dialect.error_event)
        if dialect.ends_after_error:
            yield DONE
    except Exception:
        yield event(dialect.error_body(StreamCut(), record.call.request_id), dialect.error_event)
        raise


def raw_events(chunks: Iterator[Chunk], dialect: Dialect, record: Record) -> Iterator[bytes]:
    """Yield a forwarded stream's own bytes; only an error of ours is added, and no end is made up (C29)."""
    try:
        for chunk in chunks:
            if chunk.raw:
                yield chunk.raw
    except ReportedCut:
        return
    except GatewayError as error:
        yield event(dialect.error_body(error, record.call.request_id), dialect.error_event)
    except Exception:
        yield event(dialect.error_body(StreamCut(), record.call.request_id), dialect.error_event)
        raise


def chat_events(chunks: Iterator[Chunk], record: Record) -> Iterator[bytes]:
    """Yield the events of a chat stream, `[DONE]` last."""
    yield from answer_events(chunks, record)
    yield DONE


def answer_events(chunks: Iterator[Chunk], record: Record) -> Iterator[bytes]:
    """Yield each chunk at once, but hold back the finish chunk until the usage is known (O1)."""
    held: dict[str, Any] | None = None
    last: dict[str, Any] = {}
    usage: Any = None
    begun: set[Any] = set()
    for chunk in chunks:
        if chunk.data is None:
            yield KEEP_ALIVE
            continue
        last = as_told(chunk.data, record)
        usage = last.get("usage") or usage
        if not last.get("choices"):
            continue
        last = with_role(last, begun)
        if held is not None:
            yield event(held)
            held = None
        if chunk.finish_reason is None:
            yield event(without_usage(last))
        else:
            held = without_usage(last)
    yield from final_events(held, last, record, usage)


def with_role(data: dict[str, Any], begun: set[Any]) -> dict[str, Any]:
    """Return the chunk; the first of each choice says whose words they are (A9). `begun` remembers which."""
    indices = [choice.get("index") for choice in choices_of(data)]
    if begun.issuperset(indices):
        return data
    choices = [
        choice
        if choice.get("index") in begun
        else {**choice, "delta": {"role": "assistant", **delta_of(choice)}}
        for choice in choices_of(data)
    ]
    begun.update(indices)
    return {**data, "choices": choices}


def as_told(data: dict[str, Any], record: Record) -> dict[str, Any]:
    """Return the chunk with the name of the model as the client is told it."""
    model = record.model_told
    return data if model is None or data.get("model") == model else {**data, "model": model}


def without_usage(data: dict[str, Any]) -> dict[str, Any]:
    """Return the chunk without the provider's own usage: ours comes once, at the end."""
    return {name: value for name, value in data.items() if name != "usage"} if "usage" in data else data


def final_events(
    held: dict[str, Any] | None, last: dict[str, Any], record: Record, usage: Any = None
) -> Iterator[bytes]:
    """Yield the usage: on its own chunk when asked for, else on the finish chunk, which keeps a choice."""
    tail = {"usage": told_usage(record, usage), "sluice": summary(record), **route_headers.extra(record)}
    if wants_usage_chunk(record.call.body):
        if held is not None:
            yield event(held)
        yield event({**base_of(last), "choices": [], **tail})
        return
    finish = held or {**base_of(last), "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    choices = [{**choice, "delta": {"content": "", **delta_of(choice)}} for choice in choices_of(finish)]
    yield event({**finish, "choices": choices, **tail})


def delta_of(choice: dict[str, Any]) -> dict[str, Any]:
    """Return what a choice adds."""
    delta = choice.get("delta")
    return delta if isinstance(delta, dict) else {}


def base_of(data: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that every chunk of an answer shares."""
    return {name: data[name] for name in ("id", "object", "created", "model") if name in data}


def wants_usage_chunk(body: dict[str, Any]) -> bool:
    """Say whether the client asked for OpenAI's separate usage chunk."""
    options = body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


# How each dialect writes the chunks of a stream; an error in between is `events`' to write.
RENDERERS: dict[str, Callable[[Iterator[Chunk], Record], Iterator[bytes]]] = {
    "native": chat_events,
    "openai": chat_events,
    "anthropic": messages.events,
    "responses": responses.events,
}
