"""A second reader of requests, slow and strict, with nothing of the server in it: what a stream may mean."""

from __future__ import annotations

import re

START = re.compile(rb"([A-Z-]{3,20}) ([\x21-\x7e]+) HTTP/1\.([01])")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*", re.DOTALL)
SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[^\r\n]*)?")
Seen = tuple[bytes, bytes, bytes]


class Ends(Exception):
    """The stream says no more that has a meaning."""


def requests_in(data: bytes) -> list[Seen]:
    """Return method, target and body of each whole request, up to the first that is none."""
    found: list[Seen] = []
    try:
        while True:
            seen, is_last, data = first_of(data)
            found.append(seen)
            if is_last:
                raise Ends
    except Ends:
        return found


def first_of(data: bytes) -> tuple[Seen, bool, bytes]:
    """Return the first request, whether none may follow, and what follows."""
    while data.startswith(b"\r\n"):
        data = data[2:]
    head, end, rest = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    start = START.fullmatch(lines[0])
    if not end or start is None:
        raise Ends
    fields: dict[bytes, list[bytes]] = {}
    for line in lines[1:]:
        field = FIELD.fullmatch(line)
        if field is None:
            raise Ends
        fields.setdefault(field[1].lower(), []).append(field[2])
    body, rest = body_of(fields, rest, is_old=start[3] == b"0")
    wishes = b",".join(fields.get(b"connection", [])).lower()
    is_last = b"close" in wishes or (start[3] == b"0" and b"keep-alive" not in wishes)
    return (start[1], start[2], body), is_last, rest


def body_of(fields: dict[bytes, list[bytes]], rest: bytes, *, is_old: bool) -> tuple[bytes, bytes]:
    """Return the body and what follows it."""
    lengths, codings = fields.get(b"content-length", []), fields.get(b"transfer-encoding", [])
    if codings:
        if len(codings) > 1 or codings[0].lower() != b"chunked" or lengths or is_old:
            raise Ends
        return chunks_of(rest)
    if not lengths:
        return b"", rest
    if len(lengths) > 1 or not re.fullmatch(rb"[0-9]+", lengths[0]):
        raise Ends
    size = int(lengths[0])
    if len(rest) < size:
        raise Ends
    return rest[:size], rest[size:]


def chunks_of(rest: bytes) -> tuple[bytes, bytes]:
    """Return a chunked body and what follows it."""
    body = b""
    while True:
        line, end, rest = rest.partition(b"\r\n")
        size = SIZE.fullmatch(line)
        if not end or size is None:
            raise Ends
        if not (length := int(size[1], 16)):
            break
        body += rest[:length]
        if rest[length : length + 2] != b"\r\n":
            raise Ends
        rest = rest[length + 2 :]
    while not rest.startswith(b"\r\n"):
        line, end, rest = rest.partition(b"\r\n")
        if not end or not FIELD.fullmatch(line):
            raise Ends
    return body, rest[2:]
