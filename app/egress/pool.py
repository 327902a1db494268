"""Idle connections, kept per origin for the next request."""

from __future__ import annotations

import time

from app.domain.addresses import Target
from app.egress.connection import Connection

IDLE_SECONDS = 60.0
MOST_IDLE_PER_ORIGIN = 64
SWEEP_SECONDS = 30.0

Origin = tuple[str, str, int]


class Pool:
    """The newest connection goes out first, so that the others grow old and are closed."""

    def __init__(self) -> None:
        self._idle: dict[Origin, list[Connection]] = {}
        self._swept_at = time.monotonic()

    def take(self, target: Target) -> Connection | None:
        """Return a connection that is still good, or None."""
        idle = self._idle.get(target.origin)
        while idle:
            connection = idle.pop()
            fresh = time.monotonic() - connection.idle_since < IDLE_SECONDS
            if fresh and connection.is_reusable():
                return connection
            connection.close()
        return None

    def put(self, connection: Connection) -> None:
        """Keep a connection whose answer was read, or needs only its last bytes."""
        connection.idle_since = time.monotonic()
        idle = self._idle.setdefault(connection.target.origin, [])
        idle.append(connection)
        if len(idle) > MOST_IDLE_PER_ORIGIN:
            idle.pop(0).close()
        if connection.idle_since - self._swept_at > SWEEP_SECONDS:
            self._sweep(connection.idle_since)

    def clear(self) -> None:
        """Close everything that is idle."""
        for idle in list(self._idle.values()):
            while idle:
                idle.pop().close()
        self._idle.clear()

    def _sweep(self, now: float) -> None:
        self._swept_at = now
        for origin, idle in list(self._idle.items()):
            while idle and now - idle[0].idle_since > IDLE_SECONDS:
                idle.pop(0).close()
            if not idle:
                self._idle.pop(origin, None)
