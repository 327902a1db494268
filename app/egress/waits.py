"""Waiting for a socket that does not block: on gevent's hub, or in poll where there are no greenlets."""

from __future__ import annotations

import select
import time
from typing import Any

from gevent import get_hub, getcurrent
from gevent.monkey import get_original, is_module_patched

READ = 1  # the same numbers in poll and in gevent's loop but for WRITE
POLL_WRITE = select.POLLOUT
LOOP_WRITE = 2

_poll: Any = get_original("select", "poll")


class Waits:
    """How one socket is waited for; `until` is a moment of the monotonic clock."""

    __slots__ = ("_fileno", "_readable")

    def __init__(self, fileno: int) -> None:
        self._fileno = fileno
        self._readable: Any = None  # a poll object, made once: 0.5 µs a look

    def has_bytes(self) -> bool:
        """Tell at once whether there is something to read, be it the end."""
        if self._readable is None:
            self._readable = _poll()
            self._readable.register(self._fileno, READ)
        return bool(self._readable.poll(0))

    def readable(self, until: float) -> None:
        """Wait until there is something to read; raises TimeoutError."""
        self._block(READ, until)

    def writable(self, until: float) -> None:
        """Wait until there is room to write; raises TimeoutError."""
        self._block(POLL_WRITE, until)

    def close(self) -> None:
        """The socket is about to be closed."""

    def _block(self, events: int, until: float) -> None:
        left = until - time.monotonic()
        waiting = _poll()
        waiting.register(self._fileno, events)
        if left <= 0 or not waiting.poll(left * 1000):
            raise TimeoutError


class HubWaits(Waits):
    """Waits on the hub: one watcher per socket for reading, one timer per wait."""

    __slots__ = ("_hub", "_reading")

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno)
        self._hub: Any = None
        self._reading: Any = None

    def readable(self, until: float) -> None:
        """Wait until there is something to read; raises TimeoutError."""
        hub = get_hub()
        if hub is not self._hub:  # the first wait, or another thread's
            self.close()
            self._hub, self._reading = hub, hub.loop.io(self._fileno, READ)
        self._switch(hub, self._reading, until)

    def writable(self, until: float) -> None:
        """Wait until there is room to write; raises TimeoutError."""
        hub = get_hub()
        watcher = hub.loop.io(self._fileno, LOOP_WRITE)
        try:
            self._switch(hub, watcher, until)
        finally:
            watcher.close()

    def close(self) -> None:
        """The socket is about to be closed."""
        if self._reading is not None:
            self._reading.close()
            self._hub = self._reading = None

    def _switch(self, hub: Any, watcher: Any, until: float) -> None:
        """Let others run until the watcher's event comes; a timer that is early starts once more."""
        wake = getcurrent().switch
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            timer = hub.loop.timer(left)
            try:
                watcher.start(wake, watcher)
                timer.start(wake, None)
                if hub.switch() is watcher:
                    return
            finally:
                watcher.stop()
                timer.close()


def waits(fileno: int) -> Waits:
    """Return the way to wait that fits this process."""
    return HubWaits(fileno) if is_module_patched("socket") else Waits(fileno)
