"""Strict JSON from strangers: no doubled names, no NaN, bounded depth, no lone surrogates (E7-E13)."""

from __future__ import annotations

import json
from typing import Any

import jiter
import orjson

from app.domain.errors import InvalidRequest, UnsupportedEncoding

MOST_DEPTH = 64


def parse_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in `raw`, whatever its content type said (O11); raise InvalidRequest."""
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise UnsupportedEncoding
    try:
        body = jiter.from_json(raw, catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidRequest(f"The body is not valid JSON: {reason(error)}.") from None
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.")
    if raw.count(b"{") + raw.count(b"[") > MOST_DEPTH and too_deep(body):
        raise InvalidRequest(f"The body is nested deeper than {MOST_DEPTH} levels.")
    return body


def encoded(value: Any) -> bytes:
    """Return JSON. Whole numbers of any size are passed on; only the slower encoder writes them."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value).encode()


def reason(error: ValueError) -> str:
    """Say what is wrong without repeating the body."""
    text = str(error)
    if "uplicate key" in text:
        return "a name appears twice in one object"
    return (
        text.rstrip(".") if text.isascii() and len(text) < 120 and '"' not in text else "it cannot be parsed"
    )


def too_deep(value: Any, most: int = MOST_DEPTH) -> bool:
    """Say whether lists and objects are nested deeper than `most`."""
    level = [value]
    for _ in range(most):
        level = [child for node in level for child in children(node)]
        if not level:
            return False
    return True


def children(node: Any) -> list[Any]:
    """Return the lists and objects directly inside `node`."""
    values = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [value for value in values if isinstance(value, dict | list)]
