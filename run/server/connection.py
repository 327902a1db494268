"""One client's connection: its requests one after another, and the app's way to its body."""

from __future__ import annotations

import io
from _socket import socket as RawSocket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent
from httptools import HttpRequestParser

from run.server import heads
from run.server.bodies import Body, ChunkedBody, MeasuredBody, input_of
from run.server.client_socket import ClientSocket
from run.server.heads import Gone, Refused, Request
from run.server.limits import BODY_SECONDS, HEAD_SECONDS, MOST_HEAD_BYTES, NEVER
from run.server.responses import Response, Streaming, refusal

if TYPE_CHECKING:
    from run.server.worker import SluiceWorker

CLIENT = "sluice.client"  # app.domain.clients.ENVIRON_NAME, which the master must not import
HEAD_END = b"\r\n\r\n"
CARRIAGE_RETURN = 13


class Connection(ClientSocket):
    """A client; one greenlet runs it. `idle_since`: when it began to wait for the next request."""

    __slots__ = ("awaits_body", "base", "body", "body_deadline", "idle_since", "rest")

    def __init__(self, worker: SluiceWorker, sock: RawSocket, base: dict[str, Any]) -> None:
        super().__init__(worker, sock)
        self.base = base
        self.rest = b""  # received, but not looked at yet
        self.body: bytes | Body = b""
        self.body_deadline = self.idle_since = NEVER
        self.awaits_body = False

    def run(self) -> None:
        """Serve the client until one side ends it."""
        self.serve_from(self.serve)

    def serve_from(self, step: Callable[[], bool]) -> None:
        """Take a step, then serve the client until one side ends it.

        A stream goes on in a greenlet of its own: that of the app's way to it keeps 10 KB of Python's stack.
        """
        goes_on = False
        try:
            while step():
                step = self.serve
                if self.rest:
                    gevent.sleep(0)  # many requests sent at once do not keep the others waiting
        except Streaming as stream:
            goes_on, go_on = True, stream.response.go_on
            self.worker.run_in_greenlet(self, self.serve_from, lambda: self.answered(go_on()))
        except (Gone, OSError):
            pass
        except Refused as refused:
            self.refuse(refused)
        finally:
            if not goes_on:
                self.body = b""
                self.close()
                self.worker.has_ended(self)

    def serve(self) -> bool:
        """Answer one request; tell whether another may follow."""
        worker = self.worker
        head = self.head()
        if head is None:
            return False
        request = heads.parse(head, self.base, worker.head_limits)
        self.add_body(request)
        worker.count_request()
        return self.answered(Response(self, request).run(worker.wsgi))

    def answered(self, keeps_alive: bool) -> bool:
        """Be done with a request; tell whether another may follow."""
        self.notice = None
        self.body = b""
        return keeps_alive

    # Heads

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

    # Bodies

    def add_body(self, request: Request) -> None:
        """Give the app the request's body to read."""
        environ, rest, length = request.environ, self.rest, request.length
        environ[CLIENT] = self
        body: Body
        if request.is_chunked:
            self.rest, body = b"", ChunkedBody(self, rest, request.expects_continue)
        elif not length:
            environ["wsgi.input"] = io.BytesIO()
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
        self.deadline, self.awaits_body = self.body_deadline, True
        try:
            data = self.receive()
        except OSError:
            data = b""
        finally:
            self.deadline, self.awaits_body = NEVER, False
        if self.is_cut:
            self.is_cut = False  # an answer is still sent
            return None
        return data

    def overdue(self) -> None:
        """End what the client takes too long for, or have the app answer it where it is the body."""
        if not self.awaits_body:
            self.cut()
            return
        self.deadline = NEVER
        self.is_cut = True
        self.worker.hub.loop.run_callback(self.wake)

    def refuse(self, refused: Refused) -> None:
        """Answer a request that is not taken."""
        try:
            self.send(refusal(refused, self.worker.clock.lines))
            self.linger()
        except (Gone, OSError):
            pass
