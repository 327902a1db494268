"""One client's connection: its requests one after another, the limits of its time, and its hang-up."""

from __future__ import annotations

import io
import socket
import struct
from _socket import socket as RawSocket  # gevent's and Python's add a layer per call; waiting is done here
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent
from gevent import getcurrent
from httptools import HttpRequestParser

from run.server import heads
from run.server.bodies import Body, ChunkedBody, MeasuredBody, input_of
from run.server.heads import Refused, Request
from run.server.limits import (
    BODY_SECONDS,
    HEAD_SECONDS,
    LINGER_BYTES,
    LINGER_SECONDS,
    MOST_HEAD_BYTES,
    NEVER,
    RECEIVE_BYTES,
    WRITE_SECONDS,
)
from run.server.responses import Response, refusal

if TYPE_CHECKING:
    from run.server.worker import SluiceWorker

CLIENT = "sluice.client"  # app.domain.clients.ENVIRON_NAME, which the master must not import
READ, WRITE = 1, 2
HEAD_END = b"\r\n\r\n"
CARRIAGE_RETURN = 13
RESET = struct.pack("ii", 1, 0)
NO_BODY = io.BytesIO()


class Gone(Exception):
    """The client hung up, or was cut."""


def nothing() -> None:
    """Stop watching for a hang-up that nobody watches for any more."""


class Connection:
    """A client. One greenlet runs it; the hub and the sweep call `on_readable`, `cut` and `end_if_idle`."""

    __slots__ = (
        "base", "body", "body_deadline", "deadline", "idle_since", "is_cut", "notice",
        "rest", "sock", "waiting", "watcher", "worker",
    )  # fmt: skip

    def __init__(self, worker: SluiceWorker, sock: RawSocket, base: dict[str, Any]) -> None:
        self.worker = worker
        self.sock = sock
        self.base = base
        self.rest = b""  # received, but not looked at yet
        self.body: bytes | Body = b""
        self.waiting: gevent.Greenlet | None = None
        self.notice: Callable[[], None] | None = None
        self.watcher = worker.hub.loop.io(sock.fileno(), READ)
        self.deadline = self.body_deadline = self.idle_since = NEVER
        self.is_cut = False

    def run(self) -> None:
        """Serve the client until one side ends it."""
        try:
            while self.serve():
                if self.rest:
                    gevent.sleep(0)  # many requests sent at once do not keep the others waiting
        except (Gone, OSError):
            pass
        except Refused as refused:
            self.refuse(refused)
        finally:
            self.end()

    def serve(self) -> bool:
        """Answer one request; tell whether another may follow."""
        worker = self.worker
        head = self.head()
        if head is None:
            return False
        request = heads.parse(head, self.base, worker.head_limits)
        self.add_body(request)
        worker.count_request()
        keeps_alive = Response(self, request).run(worker.wsgi)
        self.notice = None
        self.body = b""
        return keeps_alive and worker.alive

    # Receiving

    def head(self) -> bytes | None:
        """Return the next request's head; None when the client ends, or is idle for too long."""
        worker, data = self.worker, self.rest
        if not data:
            now = worker.clock.now
            self.idle_since = now
            self.deadline = now + worker.idle_seconds
            self.wait_readable()
            data = self.receive()
            if not data:
                return None
        end = data.find(HEAD_END)
        if end < 0 or data[0] == CARRIAGE_RETURN:
            data, end = self.slow_head(data)
        self.deadline = self.idle_since = NEVER
        end += 4
        if end == len(data):
            self.rest = b""
            return data
        self.rest = data[end:]
        return data[:end]

    def slow_head(self, data: bytes) -> tuple[bytes, int]:
        """Receive the rest of a head, and look at what is there so far; return all of it and where it ends.

        One empty line may stand before a request.
        """
        self.deadline = self.worker.clock.now + HEAD_SECONDS
        parser, gathered, may_skip = HttpRequestParser(heads.Silent), bytearray(), True
        while True:
            looked_at = max(0, len(gathered) - 3)
            gathered += data
            if may_skip and len(gathered) > 1:
                may_skip = False
                if gathered.startswith(b"\r\n"):
                    del gathered[:2]
                    looked_at = 0
            if (end := gathered.find(HEAD_END, looked_at)) >= 0:
                return bytes(gathered), end
            heads.approve(parser, data)
            self.check_unfinished(gathered)
            if not (data := self.receive()):
                raise Gone

    def check_unfinished(self, gathered: bytearray) -> None:
        """Refuse a head that is too long already."""
        line_bytes = self.worker.head_limits.line_bytes
        if len(gathered) > line_bytes and gathered.find(b"\r\n", 0, line_bytes + 2) < 0:
            raise Refused("414 URI Too Long", "the request line is too long")
        if len(gathered) > MOST_HEAD_BYTES:
            raise Refused("431 Request Header Fields Too Large", "the header is too long")

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

    def has_hung_up(self) -> bool:
        """Tell whether what is there to receive is the end; data is the next request's."""
        try:
            return self.sock.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    # Bodies

    def add_body(self, request: Request) -> None:
        """Give the app the request's body to read."""
        environ, rest, length = request.environ, self.rest, request.length
        environ[CLIENT] = self
        body: Body
        if request.is_chunked:
            self.rest, body = b"", ChunkedBody(self, rest, request.expects_continue)
        elif not length:
            environ["wsgi.input"] = NO_BODY
            return
        elif len(rest) >= length:
            self.body = rest if len(rest) == length else rest[:length]
            self.rest = rest[length:]
            environ["wsgi.input"] = io.BytesIO(self.body)
            return
        else:
            self.rest, body = b"", MeasuredBody(self, rest, request.expects_continue, length)
        self.body = body
        self.body_deadline = NEVER
        environ["wsgi.input"] = input_of(body)

    def whole_body(self) -> bytes | None:
        """Return the request's body where all of it is here already; None: read `wsgi.input`."""
        body = self.body
        return body if isinstance(body, bytes) else body.gather()

    def has_whole_body(self) -> bool:
        """Tell whether the request is here to its last byte."""
        body = self.body
        return isinstance(body, bytes) or body.is_whole

    def receive_body(self) -> bytes | None:
        """Return what comes next of a body, b"" when the client ended; None: its time is over."""
        if self.body_deadline == NEVER:
            self.body_deadline = self.worker.clock.now + BODY_SECONDS
        self.deadline = self.body_deadline
        try:
            data = self.receive()
        finally:
            self.deadline = NEVER
        return None if self.is_cut else data

    def when_gone(self, notice: Callable[[], None]) -> Callable[[], None]:
        """Have `notice` called in a greenlet of its own once the client hung up. Returns how to stop that."""
        self.notice = notice
        if not self.watcher.active:
            self.watcher.start(self.on_readable)
        return self.forget_notice

    def forget_notice(self) -> None:
        """Call nobody when the client hangs up."""
        self.notice = None

    # Sending

    def send(self, data: bytes) -> None:
        """Send all of it; raise OSError when the client is gone, or takes nothing for too long."""
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self.send_rest(memoryview(data)[sent:])

    def send_rest(self, data: memoryview) -> None:
        """Send data as the client takes it."""
        hub, current = self.worker.hub, getcurrent()
        watcher = hub.loop.io(self.sock.fileno(), WRITE)
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
            raise
        finally:
            watcher.stop()
            self.deadline = NEVER

    def refuse(self, refused: Refused) -> None:
        """Answer a request that is not taken."""
        try:
            self.send(refusal(refused.status, refused.text, self.worker.clock.lines))
            self.linger()
        except (Gone, OSError):
            pass

    def linger(self) -> None:
        """Take what the client still sends, for a while: else the kernel could take the answer from it."""
        self.deadline = self.worker.clock.now + LINGER_SECONDS
        self.sock.shutdown(socket.SHUT_WR)
        taken = 0
        while taken < LINGER_BYTES and not self.is_cut and (data := self.receive()):
            taken += len(data)

    # The end

    def cut(self) -> None:
        """End what the client takes too long for; called by the sweep."""
        self.deadline = NEVER
        self.is_cut = True
        is_body = self.body_deadline != NEVER
        try:
            self.sock.shutdown(socket.SHUT_RD if is_body else socket.SHUT_RDWR)
        except OSError:
            pass

    def end(self) -> None:
        """Close the connection."""
        self.watcher.stop()
        self.watcher.close()
        self.sock.close()
        self.worker.has_ended(self)
