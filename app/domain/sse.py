"""Server-sent events as upstreams send them: a tolerant splitter."""

from __future__ import annotations

from typing import NamedTuple

MAX_LINE_BYTES = 1 << 20
BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event. `name` is "" when the event has none; lines of data are joined by a newline."""

    name: str
    data: bytes


class LineTooLong(Exception):
    """A line, or the data of one event, passes the limit."""


class Splitter:
    """Turns bytes, cut anywhere, into events. Knows LF, CRLF, CR, comments, a BOM and many-lined data."""

    __slots__ = ("_data", "_limit", "_name", "_size", "_skip_lf", "_started", "_tail", "lines")

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self.lines = 0  # whole lines seen, comments included: a sign of life
        self._limit = limit
        self._tail = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._name = ""
        self._skip_lf = False
        self._started = False

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that `data` completes; raises LineTooLong."""
        if self._skip_lf and data:
            self._skip_lf = False
            data = data[1:] if data[:1] == b"\n" else data
        if b"\n" not in data and b"\r" not in data:
            self._keep(data)
            return []
        if self._tail:
            data = bytes(self._tail) + data
            self._tail.clear()
        events: list[Event] = []
        if not self._data and not self._name and b"\r" not in data:
            data = self._plain(data, events)
        if data:
            for line in data.splitlines(keepends=True):
                self._take(line, events)
            self._skip_lf = data[-1:] == b"\r"  # its LF may come with the next read
        return events

    def finish(self) -> list[Event]:
        """Return the last event when the stream ended without its blank line."""
        self._skip_lf = False
        return self.feed(b"\n\n") if self._tail or self._data else []

    def _plain(self, data: bytes, events: list[Event]) -> bytes:
        """Take events of one line of data each, as nearly all are, the short way; return the rest."""
        *blocks, rest = data.split(b"\n\n")
        for block in blocks:
            if block[:6] == b"data: " and b"\n" not in block and len(block) <= self._limit:
                events.append(Event("", block[6:]))
                self.lines += 2
                self._started = True
            else:
                for line in (block + b"\n\n").splitlines(keepends=True):
                    self._take(line, events)
        return rest

    def _keep(self, data: bytes) -> None:
        self._tail += data
        if len(self._tail) > self._limit:
            raise LineTooLong

    def _take(self, line: bytes, events: list[Event]) -> None:
        if line[-1:] == b"\n":
            text = line[:-2] if line[-2:-1] == b"\r" else line[:-1]
        elif line[-1:] == b"\r":
            text = line[:-1]
        else:
            return self._keep(line)
        if len(text) > self._limit:
            raise LineTooLong
        self.lines += 1
        if text:
            self._field(text)
        elif self._data:
            events.append(Event(self._name, b"\n".join(self._data)))
            self._data, self._size, self._name = [], 0, ""
        else:
            self._name = ""

    def _field(self, text: bytes) -> None:
        if not self._started:
            self._started, text = True, text.removeprefix(BOM)
        if text[:6] == b"data: ":
            value = text[6:]
        elif text[:5] == b"data:":
            value = text[5:]
        else:
            return self._other_field(text)
        self._size += len(value)
        if self._size > self._limit:
            raise LineTooLong
        self._data.append(value)

    def _other_field(self, text: bytes) -> None:
        if text == b"data":
            self._data.append(b"")
        elif text[:6] == b"event:":
            self._name = text[6:].strip().decode("utf-8", "replace")[:100]
