"""HTTP/1.1 as bytes: the head of a request and of a response, and where a response body ends. No sockets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from app.domain.addresses import Target

MAX_HEAD_BYTES = 64 << 10
MAX_CHUNK_HEAD_BYTES = 4 << 10
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: .*)?")
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?")


class Malformed(Exception):
    """The bytes are no HTTP/1.1."""


def request_head(method: str, target: Target, headers: Mapping[str, str]) -> bytes:
    """Return the first lines of a request; raises Malformed for a header that would break out of its line."""
    lines = [f"{method} {target.path} HTTP/1.1", f"host: {target.authority}"]
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise Malformed("a header holds a character that is not allowed")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers of a response; header names are lower case. `rest` is what came after them."""

    status: int
    headers: dict[str, str]
    keep_alive: bool
    rest: bytes


def split_head(data: bytes) -> Head | None:
    """Return the response head, None while incomplete; raises Malformed."""
    end = data.find(b"\r\n\r\n")
    if end > MAX_HEAD_BYTES or (end < 0 and len(data) > MAX_HEAD_BYTES):
        raise Malformed("the head is too long")
    if not b"HTTP/1.".startswith(data[:7]):
        raise Malformed("no HTTP/1.1 response")
    if end < 0:
        return None
    return parse_head(data[:end], data[end + 4 :])


def parse_head(data: bytes, rest: bytes) -> Head:
    """Read a status line and header lines; folded lines are refused, doubled headers joined."""
    first, *lines = data.split(b"\r\n")
    match = STATUS_LINE.fullmatch(first)
    if match is None:
        raise Malformed("no HTTP/1.1 status line")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not HEADER_NAME.fullmatch(name) or re.search(r"[\r\n\0]", value):
            raise Malformed("a malformed header")
        name, text = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    connection = headers.get("connection", "").lower()
    keep_alive = "close" not in connection and (match[1] == b"1" or "keep-alive" in connection)
    return Head(int(match[2]), headers, keep_alive, rest)


class Framing(Protocol):
    """Knows where the body ends. `done` is True once it has; `extra` when more came than the body."""

    done: bool
    extra: bool

    def feed(self, data: bytes) -> bytes: ...

    def end(self) -> None:
        """The connection ended; raises Malformed when the body did not."""


def framing(method: str, head: Head) -> Framing:
    """Choose how the body is delimited; raises Malformed for contradictions."""
    if method == "HEAD" or head.status in (204, 304):
        return Sized(0)
    coding = head.headers.get("transfer-encoding")
    if coding is not None:
        if coding.lower() != "chunked":
            raise Malformed("an unknown transfer encoding")
        return Chunked()
    length = head.headers.get("content-length")
    if length is None:
        return UntilClose()
    if not re.fullmatch(r"[0-9]{1,18}", length):
        raise Malformed("a malformed content length")
    return Sized(int(length))


class Sized:
    """A body with a Content-Length."""

    __slots__ = ("_left", "done", "extra")

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0
        self.extra = False

    def feed(self, data: bytes) -> bytes:
        if len(data) > self._left:
            self.extra, data = True, data[: self._left]
        self._left -= len(data)
        self.done = self._left == 0
        return data

    def end(self) -> None:
        if not self.done:
            raise Malformed("the body is shorter than announced")


class UntilClose:
    """A body that ends with the connection; nothing proves that it is whole."""

    __slots__ = ("done", "extra")

    def __init__(self) -> None:
        self.done = False
        self.extra = True  # never reuse the connection

    def feed(self, data: bytes) -> bytes:
        return data

    def end(self) -> None:
        self.done = True


class Chunked:
    """A body in chunks. Bytes may be cut anywhere; nothing is lost between two feeds."""

    __slots__ = ("_after_chunk", "_left", "_rest", "_trailers", "done", "extra")

    def __init__(self) -> None:
        self._left = 0  # bytes of the current chunk still to come
        self._after_chunk = False  # the empty line that closes a chunk comes next
        self._trailers = False
        self._rest = b""
        self.done = False
        self.extra = False

    def feed(self, data: bytes) -> bytes:
        data = self._rest + data if self._rest else data
        parts: list[bytes] = []
        position = 0
        while position < len(data) and not self.done:
            if self._left:
                part = data[position : position + self._left]
                parts.append(part)
                self._left -= len(part)
                position += len(part)
                continue
            end = data.find(b"\n", position)
            if end < 0:
                break
            self._line(data[position:end].removesuffix(b"\r"))
            position = end + 1
        self._keep(data[position:])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def end(self) -> None:
        if not self.done:
            raise Malformed("the body was cut")

    def _line(self, line: bytes) -> None:
        if self._trailers:
            self.done = not line
        elif self._after_chunk:
            if line:
                raise Malformed("a chunk is longer than announced")
            self._after_chunk = False
        else:
            self._start_chunk(line)

    def _start_chunk(self, line: bytes) -> None:
        match = CHUNK_SIZE.fullmatch(line)
        if match is None:
            raise Malformed("a malformed chunk size")
        self._left = int(match[1], 16)
        self._after_chunk = self._left > 0
        self._trailers = self._left == 0

    def _keep(self, rest: bytes) -> None:
        if self.done:
            self.extra = bool(rest)
            rest = b""
        if len(rest) > MAX_CHUNK_HEAD_BYTES:
            raise Malformed("an endless chunk head")
        self._rest = rest
