"""One connection to a checked address: bytes with deadlines, and a way to end it from elsewhere."""

from __future__ import annotations

import contextlib
import os
import socket
from errno import EINPROGRESS
from typing import Any

from gevent.monkey import get_original

from app.domain.addresses import Target
from app.egress.waits import waits

READ_BYTES = 64 << 10

_new_socket: Any = get_original("socket", "socket")  # waiting is done here, not inside gevent's socket


class Connection:
    """A socket that never blocks: it is asked first and waited for only when it has nothing to say.

    Each wait has a deadline on the monotonic clock; late bytes are not lost.
    """

    __slots__ = ("_aborted", "_sock", "_waits", "target")

    def __init__(self, target: Target, family: int) -> None:
        self.target = target
        self._aborted = False
        self._sock = _new_socket(family, socket.SOCK_STREAM)
        self._sock.setblocking(False)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._waits = waits(self._sock.fileno())

    def open(self, address: str, until: float) -> None:
        """Connect, and shake hands where that is due; raises TimeoutError or OSError."""
        error = self._sock.connect_ex((address, self.target.port))
        if self._aborted:
            raise ConnectionAbortedError
        if error == EINPROGRESS:
            self._waits.writable(until)
            error = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))

    def send(self, data: bytes, until: float) -> None:
        """Send everything; raises TimeoutError or OSError."""
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._send_rest(memoryview(data)[sent:], until)

    def await_answer(self, until: float) -> bytes:
        """Return the first bytes after a request: they cannot be there yet, so waiting comes first."""
        self._waits.readable(until)
        return self.receive(until)

    def receive(self, until: float, size: int = READ_BYTES) -> bytes:
        """Return what is there, at least one byte, b"" at the end; raises TimeoutError or OSError."""
        while True:
            data: bytes | None
            try:
                data = self._sock.recv(size)
            except BlockingIOError:  # whoever waited in here would keep its traceback for as long
                data = None
            if data is not None:
                return data
            self._waits.readable(until)

    def abort(self) -> None:
        """End it now, from whichever greenlet or thread: whoever waits for it wakes up."""
        self._aborted = True
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)  # below TLS, which would wait for the peer

    def close(self) -> None:
        """Close it; whoever uses it does that."""
        self._waits.close()
        self._sock.close()

    def rest(self) -> None:
        """It is about to be kept for later."""

    def is_quiet(self) -> bool:
        """Tell whether an idle connection is still good: nothing came, not even its end."""
        return not self._waits.has_bytes()

    def _send_rest(self, data: memoryview, until: float) -> None:
        while data:
            self._waits.writable(until)
            with contextlib.suppress(BlockingIOError):
                data = data[self._sock.send(data) :]
