"""What the app answers, as bytes: head and first part of the body in one send."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING

from run.server.heads import Gone, Refused, Request

if TYPE_CHECKING:
    from run.server.connection import Connection

log = logging.getLogger("gunicorn.error")
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
STATUS = re.compile(r"[1-9][0-9]{2}(?: [ \t\x21-\x7e]*)?")
CONTROLS = bytes([*range(9), *range(10, 32), 127])
OF_THE_CONNECTION = frozenset(
    "connection date keep-alive proxy-authenticate proxy-authorization server te trailer trailers "
    "transfer-encoding upgrade".split()
)
CLOSE, KEEP = b"Connection: close\r\n", b"Connection: keep-alive\r\n"
CHUNKED, LAST_CHUNK = b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"
PLAIN, DROPPED, LENGTH = 0, 1, 2
MOST_REMEMBERED = 1_000
FAILED = Refused("500 Internal Server Error", "internal error")
_kinds: dict[str, int] = {}


class Streaming(Exception):
    """The first part of a stream is sent; `response.go_on()` sends the others, in whichever greenlet."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Response:
    """The answer to one request."""

    __slots__ = (
        "closes", "connection", "head", "headers", "is_chunked", "length", "omits_body", "parts", "request",
        "rest", "sent", "status",
    )  # fmt: skip

    def __init__(self, connection: Connection, request: Request) -> None:
        self.connection = connection
        self.request = request
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.head: bytes | None = None  # once it is sent, or about to be
        self.length: int | None = None
        self.sent = 0
        self.is_chunked = self.omits_body = self.closes = False
        self.parts: Iterable[bytes]  # what the app answered
        self.rest: Iterator[bytes]  # of it

    def run(self, app: Callable[..., Iterable[bytes]]) -> bool:
        """Have the app answer; tell whether the connection may go on. Streaming: there is more to send."""
        return self.carry_out(lambda: self.begin(app))

    def go_on(self) -> bool:
        """Send what comes after a stream's first part; tell whether the connection may go on."""
        return self.carry_out(self.send_rest)

    def carry_out(self, step: Callable[[], None]) -> bool:
        """Take a step; what fails in it is answered."""
        connection = self.connection
        try:
            step()
        except (Gone, Streaming):
            raise
        except Exception:
            self.fail()
        if not self.closes:
            return True
        if not connection.has_whole_body():
            connection.linger()
        return False

    def begin(self, app: Callable[..., Iterable[bytes]]) -> None:
        """Have the app answer, and send it; of a stream the first part."""
        self.parts = app(self.request.environ, self.start_response)
        self.rest = iter(self.parts)
        try:
            for part in self.rest:
                if part:
                    self.write(part)
                    if self.is_chunked:
                        raise Streaming(self)
            self.finish()
        except Streaming:
            raise
        except BaseException:
            self.close_parts()
            raise
        self.close_parts()

    def send_rest(self) -> None:
        """Send what is left of a stream."""
        try:
            for part in self.rest:
                if part:
                    self.write(part)
            self.finish()
        finally:
            self.close_parts()

    def close_parts(self) -> None:
        """Close what the app answered, as WSGI wants it, however that ended."""
        close = getattr(self.parts, "close", None)
        if close is not None:
            close()

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """WSGI's: take status and headers; with `exc_info`, in place of earlier ones that are not sent."""
        if exc_info is not None:
            if self.head is not None:
                raise exc_info[1]
        elif self.status:
            raise AssertionError("start_response was called twice")
        self.status, self.headers = status, headers
        return self.write

    def write(self, part: bytes) -> None:
        """Send the next part of the body."""
        head = b""
        if self.head is None:
            head = self.head = self.made_head()
        if self.omits_body:
            part = b""
        elif self.length is not None:
            if len(part) > (missing := self.length - self.sent):
                part = part[:missing]
            self.sent += len(part)
        elif self.is_chunked:
            part = b"%x\r\n%b\r\n" % (len(part), part)
        if data := head + part:
            self.connection.send(data)

    def finish(self) -> None:
        """Send what the body's end needs."""
        if self.head is None:
            if not self.status:
                raise AssertionError("start_response was not called")
            self.head = self.made_head(is_empty=True)
            self.connection.send(self.head)
        elif self.is_chunked:
            self.connection.send(LAST_CHUNK)
        if self.length is not None and self.sent < self.length and not self.omits_body:
            log.error("An answer was shorter than its Content-Length says: %s", self.place())
            self.closes = True

    def fail(self) -> None:
        """Answer where nothing is sent yet, 500 unless it was the body; else the connection's end tells."""
        connection = self.connection
        refused = getattr(connection.body, "problem", None)
        if refused is None:
            refused = FAILED
            log.exception("Error handling request %s", self.place())
        if self.head is None:
            self.head = refusal(refused, connection.worker.clock.lines)
            connection.send(self.head)
        self.closes = True

    def place(self) -> str:
        """Return what a log may say of the request: its query may hold what nobody may read."""
        environ = self.request.environ
        return f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']!r}"

    def made_head(self, *, is_empty: bool = False) -> bytes:
        """Return the head of the answer; ValueError where the app's status or headers are none."""
        connection, request = self.connection, self.request
        status = self.status
        lines = self.header_lines()
        code = status[:3]
        is_head = request.environ["REQUEST_METHOD"] == "HEAD"
        has_none = code in ("204", "304") or code[0] == "1"
        self.omits_body = is_head or has_none
        framing = b""
        if self.length is None and not self.omits_body:
            if is_empty:
                framing, self.length = b"Content-Length: 0\r\n", 0
            elif request.is_http_11:
                framing, self.is_chunked = CHUNKED, True
        is_framed = self.omits_body or self.is_chunked or self.length is not None
        keeps = is_framed and request.keeps_alive and connection.worker.alive and connection.has_whole_body()
        self.closes = not keeps
        if not keeps:
            framing += CLOSE
        elif not request.is_http_11:
            framing += KEEP
        start = status_line(status)
        return b"HTTP/1.1 %b\r\n%b%b%b\r\n" % (start, connection.worker.clock.lines, framing, lines)

    def header_lines(self) -> bytes:
        """Return the app's headers; what the connection's framing is, is not the app's to say."""
        known = _kinds.get
        lines = [
            f"{name}: {value}\r\n"
            for name, value in self.headers
            if known(name) is PLAIN or self.is_sent(name, value)
        ]
        data = "".join(lines).encode("latin-1")
        if len(data) - len(data.translate(None, CONTROLS)) != 2 * len(lines):
            raise ValueError("a control character in a header of the answer")
        return data

    def is_sent(self, name: str, value: str) -> bool:
        """Tell whether a header goes out as the app made it."""
        kind = _kinds.get(name)
        if kind is None:
            kind = kind_of(name)
        if kind is not LENGTH:
            return kind is PLAIN
        without_length = self.status[:3] == "204" or self.status[:1] == "1"
        return not without_length and self.takes_length(value)

    def takes_length(self, value: str) -> bool:
        """Take what the app says of its body's length; tell whether that was not known."""
        if not (value.isascii() and value.isdecimal()) or self.length not in (None, int(value)):
            raise ValueError("a malformed Content-Length in the answer")
        is_new, self.length = self.length is None, int(value)
        return is_new


def kind_of(name: str) -> int:
    """Return what a header is to the server; ValueError where its name is none."""
    if not TOKEN.fullmatch(name):
        raise ValueError("a malformed header name in the answer")
    lower = name.lower()
    kind = DROPPED if lower in OF_THE_CONNECTION else LENGTH if lower == "content-length" else PLAIN
    if len(_kinds) < MOST_REMEMBERED:
        _kinds[name] = kind
    return kind


@lru_cache(maxsize=64)
def status_line(status: str) -> bytes:
    """Return the status as bytes; ValueError where it is none."""
    if not STATUS.fullmatch(status):
        raise ValueError("a malformed status of the answer")
    return status.encode("ascii")


def refusal(refused: Refused, lines: bytes) -> bytes:
    """Return a short plain answer after which the connection ends."""
    body = f"{refused.text}\n".encode("ascii", "replace")
    start = f"HTTP/1.1 {refused.status}\r\n".encode("ascii")
    fields = b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n" % len(body)
    return b"%b%b%b%b\r\n%b" % (start, lines, CLOSE, fields, body)
