"""A raw connection, and a reader of answers that takes nothing but well-formed HTTP."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from types import TracebackType

START = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2}) [\t\x20-\x7e]*")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\x20-\x7e\x80-\xff]*)")
SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}")


class Malformed(AssertionError):
    """The server sent what is no HTTP."""


class Ended(Exception):
    """The server ended the connection, with nothing of an answer before."""


@dataclass
class Reply:
    """An answer: its status, headers by lower-case name, and body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """A connection to a server; sent bytes are sent as they are."""

    def __init__(self, address: tuple[str, int] | str, seconds: float = 8) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        if not isinstance(address, str) and ":" in address[0]:
            family = socket.AF_INET6
        self.socket = socket.socket(family)
        self.socket.settimeout(seconds)
        self.socket.connect(address)
        self.data = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, *parts: bytes) -> Wire:
        """Send each part on its own; a server that ended meanwhile is met when its answers are read."""
        for part in parts:
            try:
                self.socket.sendall(part)
            except OSError:
                break
        return self

    def more(self) -> bool:
        """Receive once; False at the end."""
        try:
            data = self.socket.recv(65_536)
        except ConnectionResetError:
            return False
        self.data += data
        return bool(data)

    def line(self) -> bytes:
        """Return the next line without its CRLF."""
        while b"\r\n" not in self.data:
            if not self.more():
                if self.data:
                    raise Malformed(f"ended within a line: {self.data[:80]!r}")
                raise Ended
        line, _, self.data = self.data.partition(b"\r\n")
        return line

    def exactly(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        while len(self.data) < size:
            if not self.more():
                raise Malformed("ended within a body")
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    def reply(self, method: str = "GET") -> Reply:
        """Return the next answer; its body ends with the connection where nothing says otherwise."""
        start = START.fullmatch(self.line())
        if start is None:
            raise Malformed("no status line")
        status, headers = int(start[1]), {}
        while line := self.line():
            field = FIELD.fullmatch(line)
            if field is None or field[1].decode().lower() in headers:
                raise Malformed(f"bad header: {line!r}")
            headers[field[1].decode().lower()] = field[2].decode("latin-1")
        return Reply(status, headers, self.body(method, status, headers))

    def body(self, method: str, status: int, headers: dict[str, str]) -> bytes:
        """Return an answer's body."""
        if status < 200 or status in (204, 304) or method == "HEAD":
            return b""
        if headers.get("transfer-encoding") == "chunked":
            if "content-length" in headers:
                raise Malformed("two framings")
            return self.chunks()
        if "content-length" in headers:
            return self.exactly(int(headers["content-length"]))
        if headers.get("connection") != "close":
            raise Malformed("no framing")
        while self.more():
            pass
        body, self.data = self.data, b""
        return body

    def chunks(self) -> bytes:
        """Return a chunked body."""
        found = b""
        while True:
            line = self.line()
            if not SIZE.fullmatch(line):
                raise Malformed(f"bad chunk size: {line!r}")
            part = self.exactly(int(line, 16))
            if self.exactly(2) != b"\r\n":
                raise Malformed("bad chunk end")
            if not part:
                return found
            found += part

    def replies(self, most: int = 100) -> list[Reply]:
        """Return every answer until the server ends the connection."""
        found = []
        try:
            while len(found) < most:
                found.append(self.reply())
        except Ended:
            pass
        return found

    def is_open(self) -> bool:
        """Tell whether another request is answered, as itself."""
        self.send(b"GET /after HTTP/1.1\r\nHost: a\r\n\r\n")
        try:
            return b'"PATH_INFO": "/after"' in self.reply().body
        except Ended:
            return False
