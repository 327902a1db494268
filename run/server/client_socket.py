"""A client's socket: what is sent and received, what the client may take its time for, and its hang-up."""

from __future__ import annotations

import socket
import struct
from _socket import socket as RawSocket  # gevent's and Python's add a layer per call; waiting is done here
from collections.abc import Callable
from typing import TYPE_CHECKING

import gevent
from gevent import getcurrent

from run.server.heads import Gone
from run.server.limits import LINGER_BYTES, LINGER_SECONDS, NEVER, RECEIVE_BYTES, WRITE_SECONDS

if TYPE_CHECKING:
    from run.server.worker import SluiceWorker

READ, WRITE = 1, 2
RESET = struct.pack("ii", 1, 0)


class ClientSocket:
    """A non-blocking socket that greenlets wait for; the hub calls `on_readable`.

    `deadline` is when the worker's sweep ends what goes on, by the worker's clock.
    """

    __slots__ = ("deadline", "is_cut", "is_stuck", "notice", "sock", "waiting", "watcher", "worker")

    def __init__(self, worker: SluiceWorker, sock: RawSocket) -> None:
        self.worker = worker
        self.sock = sock
        self.watcher = worker.hub.loop.io(sock.fileno(), READ)
        self.waiting: gevent.Greenlet | None = None
        self.notice: Callable[[], None] | None = None
        self.deadline = NEVER
        self.is_cut = False
        self.is_stuck = False  # the client takes nothing at the moment

    # Receiving

    def receive(self) -> bytes:
        """Return what comes next, wait for it; b"" when the client sends no more, or was cut."""
        while True:
            try:
                return self.sock.recv(RECEIVE_BYTES)
            except BlockingIOError:
                if self.is_cut:
                    return b""
                self.wait_readable()

    def wait_readable(self) -> None:
        """Wait until there is something to receive."""
        self.waiting = getcurrent()
        if not self.watcher.active:
            self.watcher.start(self.on_readable)
        try:
            self.worker.hub.switch()
        finally:
            self.waiting = None

    def wake(self) -> None:
        """Have who waits to receive look again."""
        if self.waiting is not None:
            self.waiting.switch()

    def on_readable(self) -> None:
        """The hub calls: there is data, or an end.

        The watcher goes on while the app runs: to stop and start it costs a system call per request.
        """
        if self.waiting is not None:
            self.waiting.switch()
        else:
            self.watcher.stop()
            if self.notice is not None and self.has_hung_up():
                gevent.spawn(self.notice)
                self.notice = None

    # Hang-ups

    def when_gone(self, notice: Callable[[], None]) -> Callable[[], None]:
        """Have `notice` called in a greenlet of its own once the client hung up. Returns how to stop that."""
        self.notice = notice
        if not self.watcher.active:
            self.watcher.start(self.on_readable)
        return self.forget_notice

    def forget_notice(self) -> None:
        """Call nobody when the client hangs up."""
        self.notice = None

    def has_hung_up(self) -> bool:
        """Tell whether what is there to receive is the end; data is the next request's."""
        try:
            return self.sock.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    # Sending

    def send(self, data: bytes) -> None:
        """Send all of it; raise Gone when the client is, or takes nothing for too long."""
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            raise Gone from None
        if sent < len(data):
            self.send_rest(memoryview(data)[sent:])

    def send_rest(self, data: memoryview) -> None:
        """Send data as the client takes it."""
        hub, current = self.worker.hub, getcurrent()
        watcher = hub.loop.io(self.sock.fileno(), WRITE)
        self.is_stuck = True
        try:
            while data:
                self.deadline = self.worker.clock.now + WRITE_SECONDS
                watcher.start(current.switch)
                hub.switch()
                watcher.stop()
                data = data[self.sock.send(data) :]
        except OSError:
            # What waits to be sent goes with the connection, which the kernel would keep for it.
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            raise Gone from None
        finally:
            watcher.stop()
            watcher.close()
            self.deadline = NEVER
            self.is_stuck = False

    def linger(self) -> None:
        """Take what the client still sends, for a while: else the kernel could take the answer from it."""
        self.deadline = self.worker.clock.now + LINGER_SECONDS
        taken = 0
        try:
            self.sock.shutdown(socket.SHUT_WR)
            while taken < LINGER_BYTES and not self.is_cut and (data := self.receive()):
                taken += len(data)
        except OSError:
            raise Gone from None

    # The end

    def cut(self) -> None:
        """End what the client takes too long for; who waits for it meets the end."""
        self.deadline = NEVER
        self.is_cut = True
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self) -> None:
        """Close the socket; safe to repeat."""
        self.watcher.stop()
        self.watcher.close()
        self.sock.close()
