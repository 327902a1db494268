"""The head of a request as bytes; nothing in a header breaks out of its line. No sockets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from app.domain.addresses import Target, parse_url

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")
METHOD = re.compile(r"[A-Z]{1,16}")
MOST_KNOWN_NAMES = 512

Origin = tuple[str, str, int]

_known_names: set[str] = set()  # names that were checked once


class Malformed(Exception):
    """The bytes are no HTTP/1.1."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A parsed URL, and how a request to it starts: its first line and the Host header."""

    target: Target
    origin: Origin
    start: str


@lru_cache(maxsize=512)
def destination(method: str, url: str) -> Destination:
    """Return where a request goes; raises ValueError for an odd URL or method."""
    if not METHOD.fullmatch(method):
        raise ValueError("an unknown method")
    target = parse_url(url)
    start = f"{method} {target.path} HTTP/1.1\r\nhost: {target.authority}\r\n"
    return Destination(target, target.origin, start)


def request_head(start: str, headers: Mapping[str, str]) -> bytes:
    """Return the first lines of a request; raises Malformed for a header that would break out of its line."""
    values = "".join(headers.values())
    if not (values.isascii() and values.isprintable()):  # 20 times faster than the regex for each of them
        for value in headers.values():
            if not HEADER_VALUE.fullmatch(value):
                raise Malformed("a header holds a character that is not allowed")
    for name in headers:
        if name not in _known_names:
            _check_name(name)
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    return f"{start}{lines}\r\n".encode("ascii")


def _check_name(name: str) -> None:
    if not HEADER_NAME.fullmatch(name):
        raise Malformed("a header's name holds a character that is not allowed")
    if len(_known_names) < MOST_KNOWN_NAMES:
        _known_names.add(name)
