"""Embeddings of the demo provider: numbers drawn from the words alone, alike where texts share words."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import struct
from typing import Any

from app.domain.provider_errors import ProviderRefused
from app.domain.tokens import estimate_tokens

DIMENSIONS = 256
MOST_DIMENSIONS = 3072
MOST_INPUTS = 2048


def embed(model: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return OpenAI's list of embeddings; raises ProviderRefused."""
    inputs = inputs_of(body.get("input"))
    size = body.get("dimensions")
    if size is None:
        size = DIMENSIONS
    if type(size) is not int or not 0 < size <= MOST_DIMENSIONS:
        raise refused(f"dimensions must be a whole number from 1 to {MOST_DIMENSIONS}.", "dimensions")
    packed = body.get("encoding_format") == "base64"
    found = [
        {"object": "embedding", "index": index, "embedding": encoded(vector(one, size), packed)}
        for index, one in enumerate(inputs)
    ]
    tokens = sum(len(one) if isinstance(one, list) else estimate_tokens(one) for one in inputs)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": found, "model": model, "usage": usage}


def inputs_of(given: Any) -> list[str | list[int]]:
    """Return the texts, or lists of tokens, to embed."""
    inputs = [given] if isinstance(given, str) or is_tokens(given) else given
    is_list = isinstance(inputs, list) and 0 < len(inputs) <= MOST_INPUTS
    if not is_list or not all((isinstance(one, str) and one) or is_tokens(one) for one in inputs):
        raise refused("input must be a text, a list of texts, or tokens, and not empty.", "input")
    return list(inputs)


def is_tokens(value: Any) -> bool:
    """Say whether a value is a list of tokens."""
    return isinstance(value, list) and bool(value) and all(type(item) is int for item in value)


def vector(text: str | list[int], size: int) -> list[float]:
    """Return a vector of length 1: each word adds to the places that its hash names."""
    words = (
        [str(one) for one in text] if isinstance(text, list) else re.findall(r"\w+", text.lower()) or [text]
    )
    sums = [0.0] * size
    for word in words:
        digest = hashlib.sha256(word.encode(errors="replace")).digest()
        for place in range(0, 32, 4):
            number = int.from_bytes(digest[place : place + 4])
            sums[number % size] += 1.0 if number & 1 << 31 else -1.0
    length = math.sqrt(sum(value * value for value in sums)) or 1.0
    return [value / length for value in sums]


def encoded(values: list[float], packed: bool) -> list[float] | str:
    """Return the numbers, or their 32-bit floats in base64."""
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode() if packed else values


def refused(text: str, param: str) -> ProviderRefused:
    """Return the error for an input that makes no sense."""
    return ProviderRefused(text, upstream_status=400, param=param)
