"""Requests as bytes, well-formed and not, with what becomes of each and of its connection."""

from __future__ import annotations

from dataclasses import dataclass

GET, POST = b"GET / HTTP/1.1", b"POST / HTTP/1.1"
HOST, FOUR, CHUNKED = b"Host: a", b"Content-Length: 4", b"Transfer-Encoding: chunked"
END, CONTENT = b"0\r\n\r\n", b"4\r\nabcd\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass(frozen=True)
class Fate:
    """The statuses of the answers, and whether another request is taken after them."""

    statuses: tuple[int, ...]
    stays_open: bool = False


TAKEN, TAKEN_LAST, BAD = Fate((200,), True), Fate((200,)), Fate((400,))
HANGS = None  # gunicorn waits for more, where nothing will come


@dataclass(frozen=True)
class Case:
    """One request, its fate at our server, and at the stock one where that is more lenient."""

    name: str
    data: bytes
    ours: Fate
    stock: Fate | None


def request(start: bytes, *fields: bytes, body: bytes = b"") -> bytes:
    """Return a request with these lines."""
    return b"\r\n".join([start, *fields, b"", body])


def get(*fields: bytes, start: bytes = GET) -> bytes:
    """Return a GET request to host `a` with these fields."""
    return request(start, HOST, *fields)


def post(*fields: bytes, body: bytes = b"abcd") -> bytes:
    """Return a POST request to host `a` with these fields."""
    return request(POST, HOST, *fields, body=body)


def chunks(body: bytes) -> bytes:
    """Return a POST request with this chunked body."""
    return post(CHUNKED, body=body)


def hosted(host: bytes) -> bytes:
    """Return a GET request with this Host."""
    return request(GET, b"Host: " + host)


LONGEST_LINE = b"GET /" + b"a" * (8190 - 14) + b" HTTP/1.1"
BIG = [b"X%d: " % number + b"a" * 15_000 for number in range(5)]

FRAMED: dict[str, bytes] = {
    "length": post(FOUR),
    "length with zeros": post(b"Content-Length: 04"),
    "length with spaces around": post(b"Content-Length:   4  "),
    "chunked": chunks(CONTENT + END),
    "chunked in capitals": post(b"Transfer-Encoding: CHUNKED", body=END),
    "chunk extension": chunks(b"4;a=b\r\nabcd\r\n" + END),
    "last chunk extension": chunks(b"0;a=b\r\n\r\n"),
    "trailer": chunks(CONTENT + b"0\r\nX-Trailer: 1\r\n\r\n"),
    "coding with an underscore": post(b"Transfer_Encoding: chunked", FOUR),
    "length with an underscore": post(b"Content_Length: 9", FOUR),
    "body of a GET": get(FOUR) + b"abcd",
    "upgrade with a body": post(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", FOUR),
    "upgrade with chunks": post(b"Connection: Upgrade", b"Upgrade: h2c", CHUNKED, body=CONTENT + END),
    "upgrade to WebSocket": get(b"Connection: Upgrade", b"Upgrade: websocket"),
}
TARGETS: dict[str, bytes] = {
    "plain": get(),
    "absolute": get(start=b"GET http://a/x?y HTTP/1.1"),
    "absolute https": get(start=b"GET https://a/x HTTP/1.1"),
    "absolute without a path": get(start=b"GET http://a HTTP/1.1"),
    "asterisk of OPTIONS": get(start=b"OPTIONS * HTTP/1.1"),
    "two slashes": get(start=b"GET //b/x HTTP/1.1"),
    "dots": get(start=b"GET /../a HTTP/1.1"),
    "escapes": get(start=b"GET /%2e%2e/%00a%zz HTTP/1.1"),
    "host with a port": hosted(b"a:80"),
    "host of IPv6": hosted(b"[::1]:80"),
    "an empty line before": b"\r\n" + get(),
    "tab in a value": get(b"X: a\tb"),
    "byte over 127 in a value": get(b"X: \xe9"),
    "empty value": get(b"X:"),
    "longest line": get(start=LONGEST_LINE),
    "most fields": get(*[b"X-%d: a" % number for number in range(99)]),
    "longest field": get(b"X: " + b"a" * (16_380 - 5)),
    "big head": get(*BIG[:4]),
    "HTTP/1.0 that stays": get(b"Connection: keep-alive", start=b"GET / HTTP/1.0"),
}
SMUGGLING: dict[str, bytes] = {
    "length and coding": post(FOUR, CHUNKED, body=CONTENT + END),
    "coding and length": post(CHUNKED, FOUR, body=END),
    "two equal lengths": post(FOUR, FOUR),
    "two lengths": post(FOUR, b"Content-Length: 5", body=b"abcde"),
    "list of lengths": post(b"Content-Length: 4, 4"),
    "length +4": post(b"Content-Length: +4"),
    "length -4": post(b"Content-Length: -4"),
    "length 0x4": post(b"Content-Length: 0x4"),
    "length 4_0": post(b"Content-Length: 4_0"),
    "length 4 4": post(b"Content-Length: 4 4"),
    "length of no digit": post(b"Content-Length: \xb2"),
    "empty length": post(b"Content-Length:"),
    "gzip": post(b"Transfer-Encoding: gzip", body=END),
    "chunked, gzip": post(b"Transfer-Encoding: chunked, gzip", body=END),
    "chunked twice": post(CHUNKED, CHUNKED, body=END),
    "chunked, chunked": post(CHUNKED + b", chunked", body=END),
    "identity": post(b"Transfer-Encoding: identity", body=END),
    "coding, space, colon": post(b"Transfer-Encoding : chunked", body=END),
    "coding after a vertical tab": post(b"Transfer-Encoding: \x0bchunked", body=END),
    "coding on the next line": post(b"Transfer-Encoding:\r\n chunked", body=END),
    "chunked HTTP/1.0": request(b"POST / HTTP/1.0", HOST, CHUNKED, body=END),
    "two content types": post(b"Content-Type: a/b", b"Content-Type: c/d", FOUR),
}
CHUNK_ABUSE: dict[str, bytes] = {
    "no hexadecimal size": chunks(b"zz\r\nabcd\r\n" + END),
    "negative size": chunks(b"-4\r\nabcd\r\n" + END),
    "0x size": chunks(b"0x4\r\nabcd\r\n" + END),
    "space after the size": chunks(b"4 \r\nabcd\r\n" + END),
    "space before the size": chunks(b" 4\r\nabcd\r\n" + END),
    "size ended by LF": chunks(b"4\nabcd\r\n" + END),
    "no CRLF after a chunk": chunks(b"4\r\nabcd" + END),
    "more than the size": chunks(b"4\r\nabcdefgh\r\n" + END),
    "LF in an extension": chunks(b"4;a\nb\r\nabcd\r\n" + END),
    "no size": chunks(b"\r\nabcd\r\n" + END),
    "length as a trailer": chunks(CONTENT + b"0\r\nContent-Length: 9\r\n\r\n"),
    "host as a trailer": chunks(CONTENT + b"0\r\nHost: evil\r\n\r\n"),
    "coding as a trailer": chunks(CONTENT + b"0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "LF in a trailer": chunks(CONTENT + b"0\r\nX: y\n\r\n\r\n"),
}
HEAD_ABUSE: dict[str, bytes] = {
    "folded value": get(b"X: a", b" b"),
    "value folded with a tab": get(b"X: a", b"\tb"),
    "space before the first field": request(GET, b" X: a", HOST),
    "only LF": b"GET / HTTP/1.1\nHost: a\n\n",
    "LF after the start": b"GET / HTTP/1.1\nHost: a\r\n\r\n",
    "LF after a field": b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "CR after a field": b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "LF at the end": b"GET / HTTP/1.1\r\nHost: a\r\n\n",
    "space before the colon": get(b"X : a"),
    "tab before the colon": get(b"X\t: a"),
    "no colon": get(b"X"),
    "no name": get(b": a"),
    "NUL in a name": get(b"X\0: a"),
    "NUL in a value": get(b"X: a\0b"),
    "control in a value": get(b"X: a\x01b"),
    "DEL in a value": get(b"X: a\x7fb"),
    "byte over 127 in a name": get(b"X\xe9: a"),
    "parenthesis in a name": get(b"X(: a"),
    "two hosts": get(b"Host: b"),
    "two equal hosts": get(HOST),
}
START_ABUSE: dict[str, bytes] = {
    "authority of GET": get(start=b"GET a:80 HTTP/1.1"),
    "asterisk of GET": get(start=b"GET * HTTP/1.1"),
    "relative target": get(start=b"GET a HTTP/1.1"),
    "NUL in the target": get(start=b"GET /\0 HTTP/1.1"),
    "byte over 127 in the target": get(start=b"GET /\xe9 HTTP/1.1"),
    "tab in the target": get(start=b"GET /\tb HTTP/1.1"),
    "DEL in the target": get(start=b"GET /\x7f HTTP/1.1"),
    "two spaces": get(start=b"GET  / HTTP/1.1"),
    "two spaces later": get(start=b"GET /  HTTP/1.1"),
    "tab for a space": get(start=b"GET\t/ HTTP/1.1"),
    "space after the version": get(start=b"GET / HTTP/1.1 "),
    "space before the method": get(start=b" GET / HTTP/1.1"),
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2.0": get(start=b"GET / HTTP/2.0"),
    "HTTP/1.10": get(start=b"GET / HTTP/1.10"),
    "http/1.1": get(start=b"GET / http/1.1"),
    "no version": get(start=b"GET / "),
    "method in small letters": get(start=b"get / HTTP/1.1"),
    "control in the method": get(start=b"GE\x01T / HTTP/1.1"),
    "method of 30 letters": get(start=b"G" * 30 + b" / HTTP/1.1"),
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "two empty lines before": b"\r\n\r\n" + get(),
    "LF before": b"\n" + get(),
    "CR before": b"\r" + get(),
    "RTSP": get(start=b"OPTIONS * RTSP/1.0"),
    "ICE": get(start=b"SOURCE / ICE/1.0"),
}
ONLY_WE_REFUSE: dict[str, tuple[bytes, Fate | None]] = {
    "unknown coding": (post(b"Transfer-Encoding: xchunked", body=END), Fate((501,))),
    "quoted coding": (post(b'Transfer-Encoding: "chunked"', body=END), Fate((501,))),
    "empty coding": (post(b"Transfer-Encoding:", body=END), Fate((501,))),
    "coding with a parameter": (post(CHUNKED + b";q=1", body=END), Fate((501,))),
    "coding with a comma": (post(CHUNKED + b",", body=END), Fate((501,))),
    "gzip, chunked": (post(b"Transfer-Encoding: gzip, chunked", body=END), TAKEN_LAST),
    "identity, chunked": (post(b"Transfer-Encoding: identity, chunked", body=END), TAKEN),
    "huge length": (post(b"Content-Length: 99999999999999999999999"), HANGS),
    "huge chunk": (chunks(b"fffffffffffffffff\r\nabcd\r\n" + END), HANGS),
    "no host": (request(GET), TAKEN),
    "empty host": (hosted(b""), TAKEN),
    "host with /": (hosted(b"a/b"), TAKEN),
    "host with #": (hosted(b"a#b"), TAKEN),
    "host with ?": (hosted(b"a?b"), TAKEN),
    "host with @": (hosted(b"u@a"), TAKEN),
    "host with a space": (hosted(b"a b"), TAKEN),
    "list of hosts": (hosted(b"a, b"), TAKEN),
    "host with \\": (hosted(b"a\\b"), TAKEN),
    "host with a port of letters": (hosted(b"a:8x"), TAKEN),
    "target of another host": (get(start=b"GET http://b/x HTTP/1.1"), TAKEN),
    "target of another scheme": (get(start=b"GET ftp://a/x HTTP/1.1"), TAKEN),
    "absolute target without Host": (request(b"GET http://a/x HTTP/1.1"), TAKEN),
    "fragment": (get(start=b"GET /a#b HTTP/1.1"), TAKEN),
}
LIMITS: dict[str, tuple[bytes, Fate, Fate | None]] = {
    "line too long": (get(start=LONGEST_LINE.replace(b"/a", b"/aa")), Fate((414,)), Fate((414,))),
    "line without an end": (b"GET /" + b"a" * 20_000, Fate((414,)), Fate((414,))),
    "too many fields": (get(*[b"X: a"] * 100), Fate((431,)), Fate((431,))),
    "field too long": (get(b"X: " + b"a" * (16_380 - 4)), Fate((431,)), Fate((431,))),
    "head without an end": (GET + b"\r\n" + b"A: b\r\n" * 20_000, Fate((431,)), Fate((431,))),
    "head too big": (get(*BIG), Fate((431,)), TAKEN),
    "unknown expectation": (post(b"Expect: 200-maybe", FOUR), Fate((417,)), Fate((417,))),
    "unknown method": (get(start=b"FOO / HTTP/1.1"), Fate((501,)), TAKEN),
    "method of WebDAV": (get(start=b"PROPFIND / HTTP/1.1"), Fate((501,)), TAKEN),
    "TRACE": (get(start=b"TRACE / HTTP/1.1"), Fate((501,)), TAKEN),
    "CONNECT": (get(start=b"CONNECT a:80 HTTP/1.1"), Fate((501,)), TAKEN_LAST),
}
SEQUENCES: dict[str, tuple[bytes, Fate, Fate | None]] = {
    "two at once": (get() + NEXT, Fate((200, 200), True), Fate((200, 200), True)),
    "after a body": (post(FOUR) + NEXT, Fate((200, 200), True), Fate((200, 200), True)),
    "after chunks": (chunks(CONTENT + END) + NEXT, Fate((200, 200), True), Fate((200, 200), True)),
    "after an unread body": (
        request(b"POST /unread HTTP/1.1", HOST, FOUR, body=b"abcd") + NEXT,
        Fate((200, 200), True),
        Fate((200, 200), True),
    ),
    "after a close": (get(b"Connection: close") + NEXT, TAKEN_LAST, TAKEN_LAST),
    "after a close among others": (get(b"Connection: x, close") + NEXT, TAKEN_LAST, Fate((200, 200), True)),
    "after HTTP/1.0": (request(b"GET / HTTP/1.0") + NEXT, TAKEN_LAST, TAKEN_LAST),
    "a bad one after a good one": (get() + get(b"X : y") + NEXT, Fate((200, 400)), Fate((200, 400))),
    "after a bad one": (get(b"X : y") + NEXT, BAD, BAD),
}


def cases() -> list[Case]:
    """Return every case."""
    found = [Case(name, data, TAKEN, TAKEN) for name, data in (FRAMED | TARGETS).items()]
    for group in (SMUGGLING, CHUNK_ABUSE, HEAD_ABUSE, START_ABUSE):
        found += [Case(name, data, BAD, BAD) for name, data in group.items()]
    found += [Case(name, data, BAD, stock) for name, (data, stock) in ONLY_WE_REFUSE.items()]
    found += [Case(name, *rest) for name, rest in (LIMITS | SEQUENCES).items()]
    return found
