"""The bytes of one answer, read by llhttp in its strict mode, with bounds on all that could be endless."""

from __future__ import annotations

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from app.egress.wire import Malformed

MAX_HEAD_BYTES = 64 << 10  # of all heads of an answer together
MAX_LINE_BYTES = 32 << 10
MOST_HEADERS = 256  # trailers included
MOST_INTERIM = 16  # 1xx heads before the answer
MAX_CHUNK_HEAD_BYTES = 4 << 10  # also what trailers may measure


class Reader:
    """Takes bytes, cut anywhere, until `done`. `extra`: more came than the answer, the peer is odd.

    Header names are lower case; doubled headers are joined.
    """

    status = 0
    has_head = False
    done = False
    extra = False
    keep_alive = False
    until_close = False  # the end of the connection is the end of the body
    problem = "no HTTP/1.1 response"
    _interim = False
    _interims = 0
    _seen = 0  # header lines
    _fed = 0  # bytes while the head is not whole
    _head_bytes = 0
    _overhead = 0  # bytes since the body's last one

    def __init__(self, method: str) -> None:
        self.headers: dict[str, str] = {}
        self._bodiless = method == "HEAD"
        self._parts: list[bytes] = []
        self.on_body = self._parts.append
        self._parser: HttpResponseParser | None = HttpResponseParser(self)

    def feed(self, data: bytes) -> bytes:
        """Return the bytes of the body in `data`; raises Malformed."""
        in_body = self.has_head
        self._parse(data)
        parts = self._parts
        body = b"".join(parts) if len(parts) != 1 else parts[0]
        if in_body:
            overhead = self._overhead + len(data) - len(body)
            if overhead > MAX_CHUNK_HEAD_BYTES * (len(parts) + 1):
                raise Malformed("an endless chunk head")
            self._overhead = 0 if parts else overhead
        elif not self.has_head:
            self._fed += len(data)
            if self._fed > MAX_HEAD_BYTES:
                raise Malformed("the head is too long")
        parts.clear()
        return body

    def end(self) -> None:
        """The connection ended; raises Malformed when the answer did not."""
        if not self.done:
            if not self.until_close:
                raise Malformed("the body was cut" if self.has_head else "the answer ended in its head")
            self.done = True

    def close(self) -> None:
        """Nothing more is fed: let go of the parser, which holds on to this reader."""
        self._parser = None

    def _parse(self, data: bytes) -> None:
        if self._parser is None or (self.done and data):
            self.extra = True
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if not self.done:
                raise Malformed(self.problem) from None
            self.extra = True  # the answer was whole: what is behind it is not ours
        if self.done and self._bodiless and self._parts:
            self.extra = True
            self._parts.clear()

    def on_message_begin(self) -> None:
        """llhttp: a head begins. After a whole answer it is one that nobody asked for."""
        if self.done:
            self.extra = True
            self._refuse("a second answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """llhttp: one header line, or a trailer, which is dropped."""
        self._seen += 1
        size = len(name) + len(value)
        self._head_bytes += size
        if size > MAX_LINE_BYTES or self._seen > MOST_HEADERS or self._head_bytes > MAX_HEAD_BYTES:
            self._refuse("the head is too long")
        if self.has_head:
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
        headers = self.headers
        headers[key] = f"{headers[key]}, {text}" if key in headers else text

    def on_headers_complete(self) -> None:
        """llhttp: the head is there; choose how the body is delimited."""
        parser, headers = self._parser, self.headers
        assert parser is not None
        self.status = status = parser.get_status_code()
        if status < 100 or parser.get_http_version()[0] != "1":
            self._refuse("no HTTP/1.1 response")
        length, coding = headers.get("content-length"), headers.get("transfer-encoding")
        if coding is not None and (length is not None or coding.lower() != "chunked"):
            self._refuse("an unknown transfer encoding" if length is None else "two lengths of one body")
        if status < 200:
            self._skip_interim(length is not None or coding is not None)
            return
        self.problem = "a malformed body"
        self.has_head = True
        self.keep_alive = parser.should_keep_alive()
        self.done = self._bodiless
        self.until_close = length is None and coding is None

    def on_message_complete(self) -> None:
        """llhttp: the body is whole."""
        self.done = not self._interim
        self._interim = False

    def _skip_interim(self, has_body: bool) -> None:
        self._interims += 1
        if self.status == 101 or has_body or self._interims > MOST_INTERIM:
            self._refuse("an interim answer that nobody asked for")
        self._interim = True
        self.headers = {}

    def _refuse(self, problem: str) -> None:
        """Stop the parser, which says only that a callback failed."""
        self.problem = problem
        raise Malformed(problem)
