"""Idle connections, kept per origin for the next request."""

from __future__ import annotations

import time

from app.egress.connection import Connection
from app.egress.reader import Reader
from app.egress.wire import Malformed, Origin

IDLE_SECONDS = 60.0
MOST_IDLE_PER_ORIGIN = 64
MOST_IDLE = 512
SWEEP_SECONDS = 30.0


class Idle:
    """An idle connection; `unread` is an answer whose last few bytes, which hold no data, may still come."""

    __slots__ = ("connection", "since", "unread")

    def __init__(self, connection: Connection, unread: Reader | None) -> None:
        self.connection = connection
        self.unread = unread
        self.since = time.monotonic()

    def is_good(self) -> bool:
        """Tell whether nothing came but the end of the last answer; what else came would answer the next."""
        if self.unread is not None:
            try:
                self.unread.feed(self.connection.receive(0.0))
            except (OSError, Malformed):
                return False
            if not self.unread.done or self.unread.extra:
                return False
        return self.connection.is_quiet()

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class Pool:
    """The newest connection goes out first, so that the others grow old and are closed."""

    def __init__(self) -> None:
        self._idle: dict[Origin, list[Idle]] = {}
        self._count = 0
        self._swept_at = time.monotonic()

    def __len__(self) -> int:
        return sum(map(len, self._idle.values()))

    def take(self, origin: Origin) -> Connection | None:
        """Return a connection that is still good, or None."""
        kept = self._idle.get(origin)
        while kept:
            idle = kept.pop()
            self._count -= 1
            if time.monotonic() - idle.since < IDLE_SECONDS and idle.is_good():
                return idle.connection
            idle.close()
        return None

    def put(self, connection: Connection, origin: Origin, unread: Reader | None = None) -> None:
        """Keep a connection whose answer was read, or needs only its last bytes."""
        connection.rest()
        idle = Idle(connection, unread)
        kept = self._idle.setdefault(origin, [])
        kept.append(idle)
        self._count += 1
        if len(kept) > MOST_IDLE_PER_ORIGIN:
            kept.pop(0).close()
            self._count -= 1
        elif self._count > MOST_IDLE:
            self._close_oldest()
        if idle.since - self._swept_at > SWEEP_SECONDS:
            self._sweep(idle.since)

    def clear(self) -> None:
        """Close everything that is idle."""
        for kept in list(self._idle.values()):
            while kept:
                kept.pop().close()
        self._idle.clear()
        self._count = 0

    def _close_oldest(self) -> None:
        oldest = min((kept for kept in self._idle.values() if kept), key=lambda kept: kept[0].since)
        oldest.pop(0).close()
        self._count -= 1

    def _sweep(self, now: float) -> None:
        """Close what is old, and forget the origins that have nothing left."""
        self._swept_at = now
        for origin, kept in list(self._idle.items()):
            while kept and now - kept[0].since > IDLE_SECONDS:
                kept.pop(0).close()
            if not kept:
                self._idle.pop(origin, None)
        self._count = len(self)
