"""A chat stream as the events of a response: every item opened, filled and closed, numbered throughout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from app.domain.calls import Chunk
from app.domain.chat import choices_of
from app.domain.dialects import Dialect, openai_error, summary
from app.domain.errors import GatewayError
from app.domain.records import Record
from app.domain.responses.answer import Parts, ended, envelope, logprobs_of, text_in
from app.domain.responses.open_items import (
    OpenCall,
    OpenItem,
    OpenMessage,
    OpenReasoning,
    OpenRefusal,
    OpenText,
)
from app.domain.responses.thoughts import blocks_in

Json = dict[str, Any]
KEEP_ALIVE = b": keep-alive\n\n"
TEXTS: tuple[tuple[str, type[OpenText]], ...] = (
    ("reasoning_content", OpenReasoning),
    ("content", OpenMessage),
    ("refusal", OpenRefusal),
)


class ResponseEvents:
    """Writes the stream's bytes. An error after the first byte is a failed response and an `error`."""

    def __init__(self, record: Record) -> None:
        self._stream = Stream(record)

    def chunk(self, chunk: Chunk) -> bytes:
        """Return the bytes of a chunk."""
        sent = self._written(self._stream.chunk(chunk))
        return sent or (KEEP_ALIVE if chunk.data is None else b"")

    def end(self) -> bytes:
        """Return what ends the response."""
        return self._written(self._stream.end())

    def failed(self, error: GatewayError, dialect: Dialect) -> bytes:
        """Return what tells of an error."""
        return self._written(self._stream.failed(error))

    def _written(self, events: Iterator[Json]) -> bytes:
        return b"".join(map(self._stream.encoded, events))


class Stream:
    """The response in the making: its items in order, which of them are open, and the next number."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._parts = Parts(record)
        self._number = 0
        self._begun = False
        self._reason: Any = None
        self._items: list[OpenItem] = []
        self._text: OpenText | None = None  # text or reasoning that may go on
        self._calls: dict[int, OpenCall] = {}

    def encoded(self, event: Json) -> bytes:
        """Return one event, numbered."""
        numbered = event | {"sequence_number": self._number}
        self._number += 1
        return b"event: %s\ndata: %s\n\n" % (event["type"].encode(), orjson.dumps(numbered))

    def chunk(self, chunk: Chunk) -> Iterator[Json]:
        """Yield what one chunk adds: often one event, sometimes none or several."""
        if not self._begun:
            yield from self._begin()
        for choice in choices_of(chunk.data or {}):
            if choice.get("index", 0) == 0:
                self._reason = choice.get("finish_reason") or self._reason
                delta = choice.get("delta")
                if isinstance(delta, dict):
                    yield from self._delta(delta, logprobs_of(choice))

    def _begin(self) -> Iterator[Json]:
        self._begun = True
        for name in ("created", "in_progress"):
            yield {"type": f"response.{name}", "response": envelope(self._record)}

    def _delta(self, delta: Json, logprobs: list[Any]) -> Iterator[Json]:
        for name, kind in TEXTS:
            if piece := text_in(delta, name):
                yield from self._write(kind, piece, logprobs)
        if blocks := blocks_in(delta.get("thinking_blocks")):
            yield from self._keep(blocks)
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                yield from self._call(call)

    def _write(self, kind: type[OpenText], piece: str, logprobs: list[Any]) -> Iterator[Json]:
        yield from self._goes_on(kind)
        assert self._text is not None
        yield from self._text.write(piece, logprobs)

    def _goes_on(self, kind: type[OpenText]) -> Iterator[Json]:
        """Yield what ends an item of another kind and begins one of this."""
        if type(self._text) is not kind:
            yield from self._close_text()
            self._text = kind(self._parts, len(self._items))
            self._items.append(self._text)
            yield from self._text.open()

    def _keep(self, blocks: list[Json]) -> Iterator[Json]:
        """Keep signed thoughts for the end of their item."""
        yield from self._goes_on(OpenReasoning)
        if isinstance(self._text, OpenReasoning):
            self._text.blocks += blocks

    def _call(self, piece: Json) -> Iterator[Json]:
        index = piece.get("index")
        call = self._calls.get(index if isinstance(index, int) else len(self._calls))
        if call is None:
            yield from self._close_text()
            call = OpenCall(self._parts, len(self._items))
            self._calls[index if isinstance(index, int) else len(self._calls)] = call
            self._items.append(call)
        yield from call.add(piece)

    def _close_text(self, status: str = "completed") -> Iterator[Json]:
        if self._text is not None:
            yield from self._text.close(status)
            self._text = None

    def end(self) -> Iterator[Json]:
        """Yield the end of everything that is open, then the whole response."""
        if not self._begun:
            yield from self._begin()
        if not self._items:
            yield from self._write(OpenMessage, "", [])
        response = ended(self._record, self._reason, [])
        yield from self._close_all("completed" if response["status"] == "completed" else "incomplete")
        response |= {"output": self._output(), "sluice": summary(self._record)}
        yield {"type": f"response.{response['status']}", "response": response}

    def _close_all(self, last_status: str) -> Iterator[Json]:
        """Close what is open; only the last item can be one that was cut short."""
        last = self._items[-1]
        yield from self._close_text(last_status if self._text is last else "completed")
        for call in self._calls.values():
            yield from call.close(last_status if call is last else "completed")

    def _output(self) -> list[Json]:
        return [item.item for item in self._items]

    def failed(self, error: GatewayError) -> Iterator[Json]:
        """Yield what tells of an error: a failed response, and an event that stock clients raise."""
        if not self._begun:
            yield from self._begin()
        told = {"code": error.code, "message": error.message}
        response = envelope(self._record) | {"status": "failed", "error": told, "output": self._output()}
        yield {"type": "response.failed", "response": response}
        yield {"type": "error", **told, "param": error.param, **openai_error(error)}
