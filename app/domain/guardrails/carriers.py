"""The events in an answer's chunks, as clients read them, and chunks written anew around changed ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.domain.bodies import encoded
from app.domain.calls import Chunk
from app.domain.guardrails.holding import Holding, Out
from app.domain.guardrails.spoken import SPOKEN, Spoken, chat_spoken, is_plain, message_spoken, wholes
from app.domain.guardrails.window import Cut, JsonWindow, Search, Window
from app.domain.raw_answers import END, parsed
from app.domain.records import Record
from app.domain.sse import BOM, Splitter

Json = dict[str, Any]
UNREAD = ""


class Carriers:
    """Reads and writes the chunks of one answer."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def read(self, chunk: Chunk) -> tuple[Json, Spoken, bool]:
        """Return the event in a chunk, its texts, and whether it may be said in two parts."""
        if chunk.data is None:
            event = self._raw_event(chunk.raw)
            spoken = Spoken(list(wholes(event, ()))) if UNREAD in event else SPOKEN[self._operation](event)
        elif self._is_native(chunk):
            event = chunk.source or {}
            spoken = message_spoken(event)
        else:
            event, spoken = chunk.data, chat_spoken(chunk.data)
        if not self._record.streamed:
            for piece in spoken.pieces:
                piece.key = ()
            return event, spoken, False
        return event, spoken, event is chunk.data and is_plain(event, spoken)

    def write(self, out: Out[Chunk], search: Search) -> Chunk:
        """Return the chunk of an event as it is told; the very same where nothing was changed."""
        chunk, event = out.carrier, out.event
        if not out.changed:
            return chunk
        if chunk.data is None and UNREAD in event:
            return replace(chunk, raw=b"", text="")
        if chunk.data is None:
            raw = with_data(chunk.raw, encoded(event)) if self._record.streamed else encoded(event)
            text = "".join(text for piece, text in out.texts if not piece.again)
            return replace(chunk, raw=raw, text=text)
        if not self._is_native(chunk):
            self._record.source = None
            return replace(chunk, data=event, source=None)
        if self._record.streamed:
            return replace(chunk, data={**chunk.data, "choices": []}, source=event)
        self._record.source = event
        return replace(chunk, data=searched(chunk.data, search), source=event)

    def _is_native(self, chunk: Chunk) -> bool:
        """Say whether the client is told the provider's own event rather than the chat that it stands for."""
        record = self._record
        if chunk.source is None or record.call.dialect != "anthropic" or record.cached:
            return False
        return not (record.plugins and record.streamed)

    @property
    def _operation(self) -> str:
        target = self._record.target
        return target.operation if target is not None else ""

    def _raw_event(self, raw: bytes) -> Json:
        """Return the event in bytes of a forwarded answer; what cannot be read is one text without a name."""
        data = raw
        if self._record.streamed:
            splitter = Splitter(limit=len(raw))
            events = splitter.feed(raw) or splitter.finish()
            data = events[0].data if events else b""
        if not data or data == END:
            return {}
        event = parsed(data)
        return {UNREAD: data.decode("utf-8", "replace")} if event is None else event


def searched(data: Json, search: Search) -> Json:
    """Return a completion with what a search replaces; nothing of it is counted, for it was found before."""
    holding: Holding[None] = Holding(
        lambda piece: (JsonWindow if piece.is_json else Window)(None, quiet(search))
    )
    spoken = chat_spoken(data)
    for piece in spoken.pieces:
        piece.key = ()
    [out] = holding.take(None, data, spoken)
    return out.event


def with_data(raw: bytes, data: bytes) -> bytes:
    """Return a server-sent event with other data; its other lines stay."""
    lines = [line for line in raw.removeprefix(BOM).splitlines() if line and not line.startswith(b"data")]
    return b"\n".join([*lines, b"data: " + data, b"", b""])


def quiet(search: Search) -> Search:
    """Return a search that counts nothing of what it finds."""

    def quietly(text: str, start: int, floor: int, *, counts: bool = True) -> list[Cut]:
        return search(text, start, floor, counts=False)

    return quietly
