"""Server-sent events with the very bytes that they came in, so that they can be passed on unchanged."""

from __future__ import annotations

import re
from typing import NamedTuple

from app.domain.sse import MAX_LINE_BYTES, LineTooLong, Splitter

BLOCK_END = re.compile(rb"(?>\r\n|\r|\n)(?>\r\n|\r|\n)")  # a line's end, then an empty line
LONGEST_END = 4
BARE_END = (b"data: [DONE]", b"data:[DONE]")


class RawEvent(NamedTuple):
    """One event, or a block of comments (`data` None), and its bytes up to and with the empty line."""

    name: str
    data: bytes | None
    raw: bytes


class RawSplitter:
    """Turns bytes, cut anywhere, into whole events; joined again, their `raw` is what came.

    Bytes of an event that never ends are not handed out. A CR at the end waits: its LF may come.
    """

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._line_limit = limit
        self._limit = 2 * limit  # of a block, which may hold comments beside its data
        self._splitter = Splitter(limit)
        self._rest = bytearray()
        self._plain_lines = 0

    @property
    def lines(self) -> int:
        """Whole lines seen in whole blocks: a sign of life."""
        return self._splitter.lines + self._plain_lines

    def feed(self, data: bytes) -> list[RawEvent]:
        """Return the events that `data` completes; raises LineTooLong."""
        if b"\r" not in data and b"\r" not in self._rest:
            return self._plain(bytes(self._rest) + data)
        searched = max(0, len(self._rest) - LONGEST_END)
        self._rest += data
        whole = bytes(self._rest)
        found, start = [], 0
        for match in BLOCK_END.finditer(whole, searched):
            end = match.end()
            if whole[end - 1 :] == b"\r":
                break
            found.append(self._block(whole[start:end]))
            start = end
        del self._rest[:start]
        if len(self._rest) > self._limit:
            raise LineTooLong
        return found

    def _plain(self, data: bytes) -> list[RawEvent]:
        """Return events whose lines end in LF, in a fifth of the time; those of one line are not split."""
        *blocks, rest = data.split(b"\n\n")
        found = []
        for block in blocks:
            raw = block + b"\n\n"
            has_begun = self._splitter.lines  # the very first line may have a BOM
            is_plain = block[:6] == b"data: " and b"\n" not in block and len(block) <= self._line_limit
            if has_begun and is_plain:
                self._plain_lines += 2
                found.append(RawEvent("", block[6:], raw))
            else:
                found.append(self._block(raw))
        self._rest[:] = rest
        if len(rest) > self._limit:
            raise LineTooLong
        return found

    def finish(self) -> list[RawEvent]:
        """Return the last event when it is whole, or is `[DONE]` without its empty line."""
        rest = bytes(self._rest)
        self._rest.clear()
        return [self._block(rest)] if BLOCK_END.search(rest) or rest.strip() in BARE_END else []

    def _block(self, raw: bytes) -> RawEvent:
        events = self._splitter.feed(raw) or self._splitter.finish()
        return RawEvent(events[0].name, events[0].data, raw) if events else RawEvent("", None, raw)
