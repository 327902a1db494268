"""Reading a streamed answer event by event: deadlines, silence, cuts, and what counts as begun."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from app.domain.calls import FLUSH, HEARTBEAT, Cancellation, Chunk, Upstream
from app.domain.provider_errors import ProviderFailed, ProviderTimedOut, StreamCut
from app.domain.sse import Event, LineTooLong
from app.egress import Answer, Interrupted, ended_early
from app.providers.base import CUT, UNREADABLE, looks_like_events, parse, read_body
from app.providers.failures import stream_failure

HEARTBEAT_SECONDS = 10.0

REPORTED = "The model provider reported an error."
SILENT = "The model provider stopped sending."


E = TypeVar("E")


class Events(Protocol[E]):
    """Turns bytes, cut anywhere, into events. `lines`: whole lines seen so far."""

    @property
    def lines(self) -> int: ...

    def feed(self, data: bytes) -> list[E]:
        """Return the events that `data` completes; raises LineTooLong."""

    def finish(self) -> list[E]:
        """Return what is left at the end."""


class EventReader(Generic[E]):
    """The events of a streamed answer. Who reads them says with `finish` that they were the whole of it.

    Until the first event every failure is one before the first byte; after it, a StreamCut.
    """

    def __init__(
        self, answer: Answer, upstream: Upstream, cancellation: Cancellation, splitter: Events[E]
    ) -> None:
        self.started = self.is_whole = False
        self._upstream = upstream
        self._answer = answer
        self._cancellation = cancellation
        self._splitter = splitter
        self._lines = 0
        self._ahead = b""
        self._beat_at = math.inf
        self._idle_seconds = upstream.timeout_idle_seconds
        self._idle_until = time.monotonic() + upstream.timeout_first_byte_seconds

    def chunks(self, read: Callable[[E], Chunk | None]) -> Iterator[Chunk]:
        """Yield what `read` makes of the events; ends with the body, or once the answer `is_whole`.

        What came in one read ends with a FLUSH; after each 10 s of silence there is a HEARTBEAT.
        """
        while (data := self._read()) != b"":
            events = self._split(data) if data else []
            if events:
                yield from self._read_events(events, read)
                if self.is_whole:
                    return
            if not self.started:
                continue
            now = time.monotonic()
            if self._splitter.lines != self._lines:  # bytes alone are no sign of life (L9)
                self._lines = self._splitter.lines
                self._idle_until = now + self._idle_seconds
            if events:
                self._beat_at = now + HEARTBEAT_SECONDS
            elif now >= self._beat_at:
                self._beat_at = now + HEARTBEAT_SECONDS
                yield HEARTBEAT
        yield from self._read_events(self._splitter.finish(), read)

    def looks_like_json(self) -> bool:
        """Wait for the first bytes and tell whether they begin an object: headers may say anything (L5)."""
        self._ahead = self._read() or b""
        return self._ahead.lstrip()[:1] == b"{"

    def read_json(self) -> dict[str, Any]:
        """Return the whole answer, which looks like JSON."""
        return parse(self.read_whole())

    def read_whole(self) -> bytes:
        """Return the whole answer as it came."""
        return self._ahead + read_body(self._answer, self._idle_seconds, self._cancellation)

    def starts_with_events(self) -> bool:
        """Tell whether the first bytes, which were waited for, look like events."""
        return looks_like_events(self._ahead)

    def end_soon(self, seconds: float) -> None:
        """The answer is proven whole: wait only so long for what may still come."""
        self._idle_seconds, self._idle_until = seconds, time.monotonic() + seconds

    def parse(self, event: Event) -> dict[str, Any]:
        """Return an event's data; raises for an error event and for what is no JSON object."""
        try:
            data = parse(event.data)
        except ProviderFailed:
            raise self.cut(UNREADABLE) from None
        if data.get("error") or event.name == "error":
            if self.started:
                raise self.cut(REPORTED)
            raise stream_failure(data.get("error", data), self._upstream)
        return data

    def finish(self) -> None:
        """The answer is proven whole: nothing after this event is read."""
        self.is_whole = True
        self._answer.finish()

    def close(self) -> None:
        self._answer.close()

    def cut(self, message: str = CUT) -> ProviderFailed:
        """Return the error for an answer that breaks off or makes no sense, by what came before."""
        early = ended_early(self._cancellation)
        if early is not None:
            return early
        return StreamCut(message) if self.started else ProviderFailed(message)

    def _read_events(self, events: list[E], read: Callable[[E], Chunk | None]) -> Iterator[Chunk]:
        cancellation, has_said = self._cancellation, False
        for event in events:
            if cancellation.reason is not None:
                raise self.cut()
            chunk = read(event)
            if chunk is not None:
                chunk.more = has_said = True
                yield chunk
            self.started = True
            if self.is_whole:
                break
        if has_said:
            yield FLUSH

    def _read(self) -> bytes | None:
        """Return the next bytes, None when a heartbeat is due."""
        data, self._ahead = self._ahead, b""
        if data:
            return data
        try:
            return self._answer.read_some(min(self._beat_at, self._idle_until))
        except TimeoutError:
            if time.monotonic() < min(self._idle_until, self._answer.until):
                return None
            raise self._timed_out() from None
        except Interrupted:
            raise self.cut() from None

    def _timed_out(self) -> ProviderFailed:
        early = ended_early(self._cancellation)
        if early is not None:
            return early
        if self.started and time.monotonic() < self._answer.until:
            return StreamCut(SILENT)
        return ProviderTimedOut()

    def _split(self, data: bytes) -> list[E]:
        try:
            return self._splitter.feed(data)
        except LineTooLong:
            raise self.cut(UNREADABLE) from None
