"""Turns chunks into the events of a stream: usage where clients can read it, one clean end, or one error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import orjson

from app.domain import route_headers
from app.domain.calls import FLUSH, Chunk
from app.domain.chat import choices_of
from app.domain.dialects import Dialect, summary, told_usage
from app.domain.errors import GatewayError
from app.domain.messages.events import MessageEvents
from app.domain.provider_errors import ReportedCut, StreamCut
from app.domain.records import Record
from app.domain.responses.events import ResponseEvents

KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"


class Writer(Protocol):
    """Writes the stream of one answer in one dialect."""

    def chunk(self, chunk: Chunk) -> bytes:
        """Return the bytes of a chunk; empty where it says nothing to the client yet."""

    def end(self) -> bytes:
        """Return the last bytes of an answer that came to its end."""

    def failed(self, error: GatewayError, dialect: Dialect) -> bytes:
        """Return the last bytes of one that was cut (C29)."""


def event(data: dict[str, Any], name: str = "") -> bytes:
    """Return one server-sent event."""
    return b"%bdata: %b\n\n" % (name.encode(), orjson.dumps(data))


def events(chunks: Iterator[Chunk], dialect: Dialect, record: Record) -> Iterator[bytes]:
    """Yield the stream's bytes in the dialect of its route."""
    return written(chunks, WRITERS[dialect.name](record), dialect, record)


def raw_events(chunks: Iterator[Chunk], dialect: Dialect, record: Record) -> Iterator[bytes]:
    """Yield a forwarded stream's own bytes; only an error of ours is added, and no end is made up (C29)."""
    return written(chunks, ForwardedEvents(record), dialect, record)


def written(chunks: Iterator[Chunk], writer: Writer, dialect: Dialect, record: Record) -> Iterator[bytes]:
    """Yield what is to be sent at once: all that came together, but the first words alone.

    An error after the first byte becomes one last event.
    """
    waiting: list[bytes] = []
    has_begun = False
    try:
        for chunk in chunks:
            if chunk is not FLUSH and (said := writer.chunk(chunk)):
                waiting.append(said)
            if waiting and not (chunk.more and has_begun):
                has_begun = True
                yield waiting[0] if len(waiting) == 1 else b"".join(waiting)
                waiting.clear()
        waiting.append(writer.end())
    except GatewayError as error:
        waiting.append(writer.failed(error, dialect))
    except Exception:
        waiting.append(event(dialect.error_body(StreamCut(), record.call.request_id), dialect.error_event))
        yield b"".join(waiting)
        raise
    if last := b"".join(waiting):
        yield last


class ForwardedEvents:
    """A forwarded answer: the provider's own bytes."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def chunk(self, chunk: Chunk) -> bytes:
        return chunk.raw

    def end(self) -> bytes:
        return b""

    def failed(self, error: GatewayError, dialect: Dialect) -> bytes:
        if isinstance(error, ReportedCut):  # its provider has told the client
            return b""
        return event(dialect.error_body(error, self._record.call.request_id), dialect.error_event)


class ChatEvents:
    """A chat: each chunk at once, but the finish chunk is held back until the usage is known (O1)."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._held: dict[str, Any] | None = None
        self._last: dict[str, Any] = {}
        self._usage: Any = None
        self._begun: set[Any] = set()

    def chunk(self, chunk: Chunk) -> bytes:
        if chunk.data is None:
            return KEEP_ALIVE
        self._last = data = as_told(chunk.data, self._record)
        if usage := data.get("usage"):
            self._usage = usage
        if not data.get("choices"):
            return b""
        self._last = data = with_role(data, self._begun)
        data = without_usage(data)
        if chunk.finish_reason is None and self._held is None:
            return b"data: %b\n\n" % orjson.dumps(data)
        before, self._held = self._held, None if chunk.finish_reason is None else data
        told = [one for one in (before, None if self._held else data) if one is not None]
        return b"".join(map(event, told))

    def end(self) -> bytes:
        told = final_events(self._held, self._last, self._record, self._usage)
        return b"".join(map(event, told)) + DONE

    def failed(self, error: GatewayError, dialect: Dialect) -> bytes:
        told = event(dialect.error_body(error, self._record.call.request_id), dialect.error_event)
        return told + DONE if dialect.ends_after_error else told


def with_role(data: dict[str, Any], begun: set[Any]) -> dict[str, Any]:
    """Return the chunk; the first of each choice says whose words they are (A9). `begun` remembers which."""
    choices = choices_of(data)
    indices = [choice.get("index") for choice in choices]
    if begun.issuperset(indices):
        return data
    told = [
        choice
        if choice.get("index") in begun
        else {**choice, "delta": {"role": "assistant", **delta_of(choice)}}
        for choice in choices
    ]
    begun.update(indices)
    return {**data, "choices": told}


def as_told(data: dict[str, Any], record: Record) -> dict[str, Any]:
    """Return the chunk with the name of the model as the client is told it."""
    model = record.model_told
    return data if model is None or data.get("model") == model else {**data, "model": model}


def without_usage(data: dict[str, Any]) -> dict[str, Any]:
    """Return the chunk without the provider's own usage: ours comes once, at the end."""
    return {name: value for name, value in data.items() if name != "usage"} if "usage" in data else data


def final_events(
    held: dict[str, Any] | None, last: dict[str, Any], record: Record, usage: Any = None
) -> Iterator[dict[str, Any]]:
    """Yield the usage: on its own chunk when asked for, else on the finish chunk, which keeps a choice."""
    tail = {"usage": told_usage(record, usage), "sluice": summary(record), **route_headers.extra(record)}
    if wants_usage_chunk(record.call.body):
        if held is not None:
            yield held
        yield {**base_of(last), "choices": [], **tail}
        return
    finish = held or {**base_of(last), "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    choices = [{**choice, "delta": {"content": "", **delta_of(choice)}} for choice in choices_of(finish)]
    yield {**finish, "choices": choices, **tail}


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


WRITERS: dict[str, Callable[[Record], Writer]] = {
    "native": ChatEvents,
    "openai": ChatEvents,
    "anthropic": MessageEvents,
    "responses": ResponseEvents,
}
