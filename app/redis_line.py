"""One connection to Redis that all greenlets of a worker share: their commands go out together, in order.

What is asked in one turn of the hub leaves in one send, and one read brings many replies. The socket's
watcher stays on and one clock watches over all who wait: a call costs little but a switch of greenlets.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import gevent
import gevent.monkey
from hiredis import ProtocolError

from app.redis_wire import MOST_BYTES, Address, pack, reader

READ, WRITE = 1, 2
MOST_WAITING = 20_000  # replies that are still to come
thread_of = gevent.monkey.get_original("_thread", "get_ident")  # the thread's, not the greenlet's


class Late(TimeoutError):
    """Redis was there, and did not answer in time."""


class Waiting:
    """Some replies that are still to come; `greenlet` None: nobody waits for them any more.

    `until`: monotonic seconds, set when their commands leave: a hub that is late is no fault of the server.
    """

    __slots__ = ("done", "failure", "greenlet", "replies", "until", "wanted")

    def __init__(self, greenlet: Any, wanted: int) -> None:
        self.greenlet, self.wanted, self.until = greenlet, wanted, float("inf")
        self.replies: list[Any] = []
        self.failure: Exception | None = None
        self.done = False


class Line:
    """The connection. Once it has failed it stays so: everybody who waits is told, the next asks another."""

    def __init__(self, address: Address) -> None:
        connection = address.connect()
        self.thread = thread_of()
        self.failure: Exception | None = None
        self._hub = hub = gevent.get_hub()
        self._socket = gevent.monkey.get_original("socket", "socket")(fileno=connection.detach())
        self._socket.setblocking(False)
        self._reader, self._seconds = reader(), address.seconds
        self._waiting: deque[Waiting] = deque()
        self._unsent: list[bytes] = []
        self._leaving: list[Waiting] = []  # those whose commands have not left yet
        self._is_timed = False
        self._timer = hub.loop.timer(self._seconds)
        self._writable = hub.loop.io(self._socket.fileno(), WRITE)
        self._readable = hub.loop.io(self._socket.fileno(), READ, ref=False)
        self._readable.start(self._read)

    def exchange(self, packed: bytes, wanted: int) -> list[Any]:
        """Send packed commands and return so many replies; raise OSError or ProtocolError."""
        hub = self._hub
        me = gevent.getcurrent()
        if me is hub:
            raise OSError("Nobody can wait for Redis in the hub itself.")
        waiting = Waiting(me, wanted)
        self._put(packed, waiting)
        try:
            while not waiting.done:
                hub.switch()
        except BaseException:
            waiting.greenlet = None
            raise
        if waiting.failure is not None:
            raise waiting.failure
        return waiting.replies

    def server(self) -> str:
        """Return the id of the server's process, which a new start changes; "" where it does not tell."""
        told = self.exchange(pack(("INFO", "server")), 1)[0]
        lines = told.splitlines() if isinstance(told, str) else []
        return next((line for line in lines if line.startswith("run_id:")), "")

    def send(self, packed: bytes) -> None:
        """Send one packed command whose reply nobody waits for."""
        self._put(packed, Waiting(None, 1))

    def close(self) -> None:
        """End the connection."""
        self._fail(ConnectionAbortedError("The connection to Redis was closed here."))

    def _put(self, packed: bytes, waiting: Waiting) -> None:
        if self.failure is not None:
            raise self.failure
        if len(self._waiting) >= MOST_WAITING:
            raise OSError("Too many wait for Redis.")
        if not self._unsent:
            self._hub.loop.run_callback(self._flush)
        self._unsent.append(packed)
        self._leaving.append(waiting)
        self._waiting.append(waiting)

    def _flush(self) -> None:
        if not self._unsent or self.failure is not None:
            return
        until = time.monotonic() + self._seconds
        for waiting in self._leaving:
            waiting.until = until
        self._leaving.clear()
        if not self._is_timed:
            self._time(self._seconds)
        data = self._unsent[0] if len(self._unsent) == 1 else b"".join(self._unsent)
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._fail(error)
            return
        self._unsent = [data[sent:]] if sent < len(data) else []
        if self._unsent:
            self._writable.start(self._flush)
        elif self._writable.active:
            self._writable.stop()

    def _read(self) -> None:
        try:
            data = self._socket.recv(MOST_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)
            return
        if not data:
            self._fail(ConnectionResetError("Redis closed the connection."))
            return
        try:
            self._hand_out(data)
        except ProtocolError as error:
            self._fail(error)

    def _hand_out(self, data: bytes) -> None:
        """Give each reply to whoever asked for it, in the order of asking; they go on at once."""
        replies, waiting = self._reader, self._waiting
        replies.feed(data)
        while (reply := replies.gets()) is not False:  # False: not whole yet
            if not waiting:
                raise ProtocolError("Redis says what nobody asked for.")
            first = waiting[0]
            first.replies.append(reply)
            if len(first.replies) == first.wanted:
                waiting.popleft()
                wake(first)

    def _time(self, seconds: float) -> None:
        self._is_timed = True
        self._timer.close()
        self._timer = self._hub.loop.timer(max(seconds, 0.001))
        self._timer.start(self._check, update=True)

    def _check(self) -> None:
        """Fail when the one who came first has waited too long; a reply that is here already still counts."""
        self._is_timed = False
        if self._waiting and self._waiting[0].until <= time.monotonic():
            self._read()
        if not self._waiting or self.failure is not None:
            return
        left = self._waiting[0].until - time.monotonic()
        if left <= 0:
            self._fail(Late("Redis does not answer."))
        elif not self._is_timed:
            self._time(min(left, self._seconds))

    def _fail(self, error: Exception) -> None:
        if self.failure is not None:
            return
        self.failure = error
        for watcher in (self._readable, self._writable, self._timer):
            watcher.close()
        self._socket.close()
        self._unsent.clear()
        for waiting in self._waiting:
            waiting.failure = error
            self._hub.loop.run_callback(wake, waiting)
        self._waiting.clear()


def wake(waiting: Waiting) -> None:
    """Let whoever waits for the replies go on."""
    waiting.done = True
    if waiting.greenlet is not None:
        waiting.greenlet.switch()
