"""Lets psycopg wait on gevent's hub directly; its own way, through `select.poll`, costs twice as much."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import psycopg.waiting
from gevent.monkey import get_original
from psycopg.waiting import READY_R, READY_W, WAIT_R, WAIT_RW, WAIT_W

READ, WRITE = 1, 2  # libev's own numbers
POLLIN, POLLOUT = 1, 4
EVENTS = {WAIT_R: READ, WAIT_W: WRITE, WAIT_RW: READ | WRITE}
READY = {WAIT_R: READY_R, WAIT_W: READY_W}

_poll: Callable[[], Any] = get_original("select", "poll")
_by_poll = psycopg.waiting.wait_poll


def wait(gen: Any, fileno: int, interval: float = 0.0, timeout: float | None = None) -> Any:
    """Run psycopg's generator to its end; other greenlets run while the socket is not ready."""
    if timeout is not None:
        return _by_poll(gen, fileno, interval, timeout)
    hub = gevent.get_hub()
    try:
        state = next(gen)
        while True:
            watcher = hub.loop.io(fileno, EVENTS[state])
            try:
                hub.wait(watcher)
            finally:
                watcher.close()
            state = gen.send(READY.get(state) or what_is_ready(fileno))
    except StopIteration as end:
        return end.value


def what_is_ready(fileno: int) -> int:
    """Return whether the socket can be read, written or both."""
    poll = _poll()
    poll.register(fileno, POLLIN | POLLOUT)
    events = sum(found for _, found in poll.poll(0))
    readable = READY_R if events & ~POLLOUT else 0  # an error is read, too
    return readable | (READY_W if events & POLLOUT else 0)


def install() -> None:
    """Make every connection wait this way; for processes in which gevent has patched the sockets."""
    psycopg.waiting.wait = wait
