"""A chat stream as the events of a message; where the provider sent such events, its own are passed on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.domain.bodies import encoded
from app.domain.calls import Chunk, Usage
from app.domain.chat import choices_of
from app.domain.errors import GatewayError
from app.domain.messages.answer import envelope, stopped, usage_of
from app.domain.messages.blocks import Blocks
from app.domain.records import Record

if TYPE_CHECKING:
    from app.domain.dialects import Dialect

Json = dict[str, Any]
NOT_BEGUN = b": keep-alive\n\n"
PING: Json = {"type": "ping"}
STOP: Json = {"type": "message_stop"}


class MessageEvents:
    """Writes the stream's bytes, `message_stop` last.

    Rounds with plugins are several messages of the provider's, and one of ours.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._translated = Translated(record)
        self._last = ""  # the type of the provider's own last event

    def chunk(self, chunk: Chunk) -> bytes:
        """Return the bytes of a chunk."""
        if chunk.source is not None and not self._record.plugins:
            self._last = str(chunk.source.get("type"))
            return written(told(chunk.source, self._record))
        if chunk.data is None:
            return written(PING) if self._last or self._translated.begun else NOT_BEGUN
        if self._last:  # the provider's own event has said it already
            return b""
        return b"".join(map(written, self._translated.chunk(chunk.data)))

    def end(self) -> bytes:
        """Return what ends the message."""
        if not self._last:
            return b"".join(map(written, self._translated.end()))
        return b"" if self._last == STOP["type"] else written(STOP)

    def failed(self, error: GatewayError, dialect: Dialect) -> bytes:
        """Return the event that tells of an error."""
        body = encoded(dialect.error_body(error, self._record.call.request_id))
        return b"%bdata: %b\n\n" % (dialect.error_event.encode(), body)


def written(event: Json) -> bytes:
    """Return one server-sent event."""
    name = str(event.get("type"))
    return b"event: %s\ndata: %s\n\n" % (name.encode() if name.isidentifier() else b"unknown", encoded(event))


def told(event: Json, record: Record) -> Json:
    """Return the provider's own event, with the name of the model as the client is told it."""
    message = event.get("message")
    if event.get("type") != "message_start" or not isinstance(message, dict):
        return event
    return {**event, "message": {**message, "model": record.model_told or message.get("model")}}


class Translated:
    """Chunks of a chat as events, in the order that clients of messages count on."""

    def __init__(self, record: Record) -> None:
        self.begun = False
        self._record = record
        self._blocks = Blocks()
        self._end: Json = {}  # the choice that said why it ends

    def chunk(self, data: Json) -> Iterator[Json]:
        """Yield the events of one chunk; of several choices only the first can be told."""
        if not self.begun:
            yield from self._begin(data)
        for choice in choices_of(data):
            if choice.get("index", 0) != 0:
                continue
            delta = choice.get("delta")
            if isinstance(delta, dict):
                yield from self._blocks.add(delta)
            if choice.get("finish_reason"):
                self._end = choice

    def _begin(self, data: Json) -> Iterator[Json]:
        self.begun = True
        message = {
            **envelope(self._record, data.get("id")),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_of(self._record.usage or Usage()),
        }
        yield {"type": "message_start", "message": message}
        yield PING

    def end(self) -> Iterator[Json]:
        """Yield the end of the last block, why the message ends, and what it used in all (O4)."""
        if not self.begun:
            yield from self._begin({})
        yield from self._blocks.finish()
        delta = stopped(self._end, self._record, self._blocks.uses_tools)
        yield {"type": "message_delta", "delta": delta, "usage": usage_of(self._record.usage or Usage())}
        yield STOP
