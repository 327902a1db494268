"""What the app reads as `wsgi.input`: exactly the request's body, never a byte of what follows it."""

from __future__ import annotations

import importlib
import io
from typing import TYPE_CHECKING, Any

from httptools import HttpParserError, HttpRequestParser

from run.server.heads import Refused, bad
from run.server.limits import MOST_CHUNK_OVERHEAD, MOST_WHOLE_BODY_BYTES, RECEIVE_BYTES

if TYPE_CHECKING:
    from run.server.connection import Connection

CHUNKED_HEAD = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_BYTES = b"\r\n\r\n"  # what every chunked body ends with
BYTES_OF_A_CHUNK = 16
NO_TRAILERS = frozenset(
    {b"authorization", b"content-length", b"host", b"te", b"trailer", b"transfer-encoding"}
)


TOO_SLOW = Refused("408 Request Timeout", "the body took too long")
CUT_OFF = Refused("400 Bad Request", "the body ended too early")


class Body(io.RawIOBase):
    """A body that is not known to be all here; `is_whole` once its last byte was received.

    `received`: content that the app has not read yet; `pending`: what came in one piece with the head.
    """

    def __init__(self, connection: Connection, pending: bytes, expects_continue: bool) -> None:
        self.connection = connection
        self.pending = pending
        self.expects_continue = expects_continue
        self.received = b""
        self.is_whole = False
        self.problem: Refused | None = None

    def readable(self) -> bool:
        """It is for reading only."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what comes next, wait for at least a byte; 0 at the end."""
        while not self.received:
            if self.is_whole:
                return 0
            self.receive()
        taken, self.received = self.received[: len(buffer)], self.received[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def receive(self) -> None:
        """Wait for more and add it to `received`, or raise what the app answers."""
        if self.problem is not None:
            raise self.error(self.problem)
        self.problem = CUT_OFF  # unless this ends well
        data, self.pending = self.pending, b""
        if not data:
            if self.expects_continue:
                self.expects_continue = False
                self.connection.send(CONTINUE)
            received = self.connection.receive_body()
            if received is None:
                raise self.error(TOO_SLOW)
            data = received
        if not data:
            raise self.error(CUT_OFF)
        try:
            self.received += self.taken(data)
        except Refused as refused:
            raise self.error(refused) from None
        self.problem = None

    def error(self, problem: Refused) -> Exception:
        """Return Werkzeug's exception of the problem, which our app answers in the route's dialect."""
        self.problem = problem
        # Imported when needed, in the worker: the master must not import it before gevent patches.
        exceptions = importlib.import_module("werkzeug.exceptions")
        exception: type[Exception] = exceptions.default_exceptions[int(problem.status[:3])]
        return exception(problem.text)

    def gather(self) -> bytes | None:
        """Return the whole body if it is here and of modest size; nothing of it may have been read."""
        while not self.is_whole:
            try:
                data = self.pending or self.connection.sock.recv(RECEIVE_BYTES)
                if not data:
                    return None
                self.pending = b""
                self.received += self.taken(data)
            except OSError:  # nothing is there yet, or the connection broke: who waits for more is told
                return None
            except Refused as refused:
                self.problem = refused
                return None
            if len(self.received) > MOST_WHOLE_BODY_BYTES:
                return None
        return self.received

    def taken(self, data: bytes) -> bytes:
        """Return the content in what was received, give back what is too much; raise Refused."""
        raise NotImplementedError


class MeasuredBody(Body):
    """A body with Content-Length."""

    def __init__(self, connection: Connection, pending: bytes, expects_continue: bool, length: int) -> None:
        super().__init__(connection, pending, expects_continue)
        self.missing = length

    def gather(self) -> bytes | None:
        """Return the whole body if it is here already and of modest size."""
        return super().gather() if self.missing <= MOST_WHOLE_BODY_BYTES else None

    def taken(self, data: bytes) -> bytes:
        """Return the data; what is too much is the next request's."""
        if len(data) > self.missing:
            self.connection.rest = data[self.missing :]
            data = data[: self.missing]
        self.missing -= len(data)
        self.is_whole = self.missing == 0
        return data


class ChunkedBody(Body):
    """A chunked body, decoded by llhttp.

    llhttp does not tell where in its data a message ended. But every chunked body ends with two CRLFs, so it
    is fed up to each such place, and no further than the one at which it says that the message is complete.
    """

    def __init__(self, connection: Connection, pending: bytes, expects_continue: bool) -> None:
        super().__init__(connection, pending, expects_continue)
        self.parts: list[bytes] = []
        self.overhead = 0
        self.last = b""  # the last bytes of what was fed: the end may begin there
        self.parser = HttpRequestParser(self)
        self.has_begun = False
        self.parser.feed_data(CHUNKED_HEAD)
        self.has_begun = True

    def on_body(self, part: bytes) -> None:
        """llhttp found a part of the content."""
        self.parts.append(part)
        self.overhead -= len(part)

    def on_chunk_header(self) -> None:
        """llhttp read a chunk's size."""
        self.overhead -= BYTES_OF_A_CHUNK

    def on_header(self, name: bytes, _value: bytes) -> None:
        """llhttp read a trailer: all are dropped, and those that would change the request are refused."""
        if self.has_begun and name.lower() in NO_TRAILERS:
            raise ValueError("a forbidden trailer")

    def on_message_complete(self) -> None:
        """llhttp has read the last byte."""
        self.is_whole = True

    def taken(self, data: bytes) -> bytes:
        """Return the content of these chunks; what follows the last one is the next request's."""
        known, joined = len(self.last), self.last + data
        fed, search = 0, 0
        while fed < len(data) and not self.is_whole:
            end = joined.find(LAST_BYTES, search)
            search = end + len(LAST_BYTES) if end >= 0 else len(joined)
            self.feed(data[fed : search - known])
            fed = search - known
        self.last = joined[-3:]
        content, self.parts = b"".join(self.parts), []
        if self.is_whole:
            self.connection.rest = data[fed:]
        return content

    def feed(self, data: bytes) -> None:
        """Feed llhttp; raise Refused where the chunks are malformed."""
        self.overhead += len(data)
        try:
            self.parser.feed_data(data)
        except HttpParserError:
            raise bad("malformed chunks") from None
        self.overhead = max(self.overhead, 0)
        if self.overhead > MOST_CHUNK_OVERHEAD:
            raise bad("chunks with too much beside their content")


def input_of(body: Body) -> io.BufferedReader:
    """Return the body with every way of reading that WSGI asks for."""
    return io.BufferedReader(body, RECEIVE_BYTES)
