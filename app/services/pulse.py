"""What workers tell one another, about once a second and never on the way of a call; asleep when idle."""

from __future__ import annotations

import contextvars
import logging
import time
from collections.abc import Callable

import gevent
import gevent.event
import gevent.monkey

log = logging.getLogger(__name__)
BEAT_SECONDS = 1.0
REST_SECONDS = 0.1  # between two beats, however urgent
IDLE_BEATS = 60


class Pulse:
    """Runs its jobs in one greenlet while calls come in; without gevent it runs them at once."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[], None]] = []
        self._used = False
        self._running = False
        self._hurry: gevent.event.Event | None = None
        self._last = float("-inf")

    def touch(self) -> None:
        """Somebody uses what the jobs keep: go on, or begin."""
        self._used = True
        if not self._running:
            self._begin()

    def hurry(self) -> None:
        """There is news that the other workers should have soon."""
        self._last = float("-inf")
        self.touch()
        if self._hurry is not None:
            self._hurry.set()

    def run(self) -> None:
        """Run every job now; one that fails does not keep the others from it."""
        self._last = time.monotonic()
        for job in self.jobs:
            try:
                job()
            except Exception:
                log.exception("a background exchange failed")

    def _begin(self) -> None:
        if gevent.monkey.is_module_patched("socket"):
            self._running, self._hurry = True, gevent.event.Event()
            # In a context of its own: whoever begins may be in the middle of a transaction.
            contextvars.Context().run(gevent.spawn, self._beat, self._hurry)
        elif time.monotonic() - self._last >= BEAT_SECONDS:
            self.run()

    def _beat(self, hurry: gevent.event.Event) -> None:
        idle = 0
        try:
            while idle < IDLE_BEATS:
                hurry.clear()
                idle, self._used = (0, False) if self._used else (idle + 1, False)
                self.run()
                gevent.sleep(REST_SECONDS)
                hurry.wait(BEAT_SECONDS - REST_SECONDS)
        finally:
            self._running = False


pulse = Pulse()
