"""A request's head as WSGI's environ, or why it is refused.

llhttp, with every leniency off, decides whether the head is well-formed: after that each line is one field,
ended by CRLF, with a name that is a token and a value without control characters, Content-Length stands
at most once and without Transfer-Encoding. Cutting an approved head at CRLFs and colons is then exact, and
takes half the time of a call back per field (1.0 instead of 2.1 µs for eight). What llhttp leaves open is
checked here: the shape of the request line, Host, targets, codings, limits.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_to_bytes

from httptools import HttpParserError, HttpParserInvalidMethodError, HttpParserUpgrade, HttpRequestParser

from run.server.limits import MOST_HEAD_BYTES, HeadLimits

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
METHOD = re.compile(r"[A-Z][A-Z-]{2,19}")
HTTP_11, HTTP_10 = "HTTP/1.1", "HTTP/1.0"
HOST = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
ABSOLUTE = re.compile(r"(?i:https?)://([^/?#]*)(.*)")
ONLY_ONCE = frozenset({"HTTP_HOST", "CONTENT_TYPE"})
MOST_REMEMBERED = 1_000
_keys: dict[str, str] = {"Content-Type": "CONTENT_TYPE", "Content-Length": "CONTENT_LENGTH"}
_hosts: set[str] = set()


class Refused(Exception):
    """The request is answered with this status, and the connection ends."""

    def __init__(self, status: str, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


class Gone(Exception):
    """The client hung up, or was cut."""


def bad(text: str) -> Refused:
    """Return the refusal of a request that is no HTTP."""
    return Refused("400 Bad Request", text)


def unknown(method: str) -> Refused:
    """Return the refusal of a method that is none of ours."""
    if METHOD.fullmatch(method):
        return Refused("501 Not Implemented", "unknown method")
    return bad("malformed request line")


class Silent:
    """What llhttp tells: nothing; that it does not object is enough."""


class Request:
    """One request: its environ, and how its body and its answer are framed."""

    __slots__ = ("environ", "expects_continue", "is_chunked", "is_http_11", "keeps_alive", "length")

    def __init__(self, environ: dict[str, Any]) -> None:
        self.environ = environ
        self.is_http_11 = environ["SERVER_PROTOCOL"] == HTTP_11
        self.is_chunked = False
        self.expects_continue = False
        self.length = 0
        self.keeps_alive = self.is_http_11


def approve(parser: HttpRequestParser, data: bytes) -> None:
    """Raise Refused unless llhttp takes `data` as (the next part of) a request's head."""
    try:
        parser.feed_data(data)
    except HttpParserUpgrade:
        return  # no other protocol is spoken here: the wish for one is passed over
    except HttpParserInvalidMethodError:
        raise unknown(data[:30].partition(b" ")[0].decode("latin-1")) from None
    except HttpParserError as error:
        raise bad(str(error)) from None


def parse(head: bytes, base: dict[str, Any], limits: HeadLimits) -> Request:
    """Return the request that the head makes: from its method to the empty line, which is included.

    `base` is what every environ of this connection starts with.
    """
    start, *lines = head[:-4].decode("latin-1").split("\r\n")
    if len(head) > limits.line_bytes:
        check_lengths(start, lines, limits)
    if len(lines) > limits.fields:
        raise Refused("431 Request Header Fields Too Large", "too many header fields")
    approve(HttpRequestParser(Silent), head)
    environ = base.copy()
    add_start(environ, start)
    for line in lines:
        name, _, value = line.partition(":")
        key = _keys.get(name)
        if key is None:
            key = key_of(name)
        if key in environ:
            value = joined(environ, key, value)
        environ[key] = value.strip(" \t")
    environ.pop("", None)  # fields that were dropped
    request = Request(environ)
    check_host(request)
    add_framing(request)
    return request


def check_lengths(start: str, lines: list[str], limits: HeadLimits) -> None:
    """Refuse a head, a request line or a header field that is too long."""
    if len(start) + sum(map(len, lines)) > MOST_HEAD_BYTES:
        raise Refused("431 Request Header Fields Too Large", "the header is too long")
    if len(start) > limits.line_bytes:
        raise Refused("414 URI Too Long", "the request line is too long")
    if any(len(line) + 2 > limits.field_bytes for line in lines):
        raise Refused("431 Request Header Fields Too Large", "a header field is too long")


def key_of(name: str) -> str:
    """Return the environ's key for a header field; "" where the field is dropped.

    A name with `_` would stand for the same key as one with `-`, which proxies may set or clean.
    """
    upper = name.upper()
    key = "" if "_" in name else "HTTP_" + upper.replace("-", "_")
    if upper in ("CONTENT-TYPE", "CONTENT-LENGTH"):
        key = key[5:]
    if len(_keys) < MOST_REMEMBERED and len(name) < 100:
        _keys[name] = key
    return key


def joined(environ: dict[str, Any], key: str, value: str) -> str:
    """Return the value of a field that stands there again."""
    if key in ONLY_ONCE:
        raise bad("a header field stands twice")
    return f"{environ[key]},{value.strip(' ' + chr(9))}"


def add_start(environ: dict[str, Any], line: str) -> None:
    """Add what the request line says."""
    try:
        method, target, version = line.split(" ")
    except ValueError:
        raise bad("malformed request line") from None
    if version not in (HTTP_11, HTTP_10):
        raise bad("unknown HTTP version")
    if method not in METHODS:
        raise unknown(method)
    if "#" in target:
        raise bad("malformed target")
    environ["REQUEST_METHOD"] = method
    environ["RAW_URI"] = target
    environ["SERVER_PROTOCOL"] = version
    path, _, query = target.partition("?")
    if target[0] != "/":
        path, query = other_form(environ, target)
    environ["QUERY_STRING"] = query
    environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1") if "%" in path else path


def other_form(environ: dict[str, Any], target: str) -> tuple[str, str]:
    """Return path and query of a target that is a whole URL, or `*`."""
    if target == "*" and environ["REQUEST_METHOD"] == "OPTIONS":
        return "*", ""
    absolute = ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise bad("malformed target")
    environ["sluice.authority"] = absolute[1]
    path, _, query = absolute[2].partition("?")
    return path or "/", query


def check_host(request: Request) -> None:
    """Refuse a host that is missing, malformed, or another than the target names."""
    environ = request.environ
    host = environ.get("HTTP_HOST")
    authority = environ.pop("sluice.authority", None)
    if host is None:
        if request.is_http_11 or authority is not None:
            raise bad("no Host")
        return
    if host not in _hosts:
        if not HOST.fullmatch(host):
            raise bad("malformed Host")
        if len(_hosts) < MOST_REMEMBERED and len(host) < 256:
            _hosts.add(host)
    if authority is not None and authority.lower() != host.lower():
        raise bad("the target names another host")


def add_framing(request: Request) -> None:
    """Set how long the body is, and what the client expects of the connection."""
    environ = request.environ
    length = environ.get("CONTENT_LENGTH")
    if length is not None:
        request.length = int(length)
    coding = environ.get("HTTP_TRANSFER_ENCODING")
    if coding is not None:
        if coding.lower() != "chunked" or not request.is_http_11 or length is not None:
            raise bad("transfer coding not supported")
        request.is_chunked = True
    connection = environ.get("HTTP_CONNECTION")
    if connection is not None:
        wishes = {wish.strip(" \t") for wish in connection.lower().split(",")}
        request.keeps_alive = "close" not in wishes and (request.is_http_11 or "keep-alive" in wishes)
    expectation = environ.get("HTTP_EXPECT")
    if expectation is not None:
        if expectation.lower() != "100-continue":
            raise Refused("417 Expectation Failed", "unknown expectation")
        request.expects_continue = request.is_http_11
