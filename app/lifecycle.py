"""Whether this web process is shutting down, and the live calls that must end before it is killed.

One process has one state. gunicorn.conf.py starts the draining; the doors ask `draining()` before they
take a call and `register` each live call's cancellation.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

import gevent

log = logging.getLogger(__name__)


class Cancellable(Protocol):
    def cancel(self, reason: str) -> None: ...


class _State:
    def __init__(self) -> None:
        self.draining = False
        self.deadline_passed = False
        self.live: set[Cancellable] = set()

    def cancel_live(self) -> None:
        """End every live call; one that cannot be ended does not keep the others from it."""
        self.deadline_passed = True
        for cancellation in list(self.live):
            try:
                cancellation.cancel("draining")
            except Exception:
                log.exception("a live call could not be ended")


_state = _State()


def draining() -> bool:
    """Tell whether the process only finishes what it has: new calls get 503."""
    return _state.draining


def register(cancellation: Cancellable) -> Callable[[], None]:
    """Cancel this live call with "draining" when the deadline comes. Returns the unregister function."""
    if _state.deadline_passed:
        cancellation.cancel("draining")
    _state.live.add(cancellation)
    return lambda: _state.live.discard(cancellation)


def start_draining(deadline_monotonic: float) -> None:
    """Stop taking calls; the live ones may go on until the deadline (of `time.monotonic`). Safe to repeat."""
    if _state.draining:
        return
    _state.draining = True
    gevent.get_hub().loop.update_now()  # a timer counts from the loop's last look at the clock
    gevent.spawn_later(max(0.0, deadline_monotonic - time.monotonic()), _state.cancel_live)


def cancel_live_calls() -> None:
    """End every live call now."""
    _state.cancel_live()
