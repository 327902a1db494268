"""Signed thoughts of a model as a reasoning item's `encrypted_content`: the next turn hands them back."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson

Json = dict[str, Any]
MARK = "sluice."  # those of other makers mean nothing to the models here


def sealed(blocks: list[Json]) -> str:
    """Return thinking blocks as one opaque text."""
    return MARK + base64.urlsafe_b64encode(orjson.dumps(blocks)).decode()


def opened(text: Any) -> list[Json]:
    """Return the blocks in such a text; none where it is something else."""
    if not isinstance(text, str) or not text.startswith(MARK):
        return []
    try:
        blocks = orjson.loads(base64.urlsafe_b64decode(text.removeprefix(MARK)))
    except (binascii.Error, ValueError):
        return []
    return blocks_in(blocks)


def blocks_in(value: Any) -> list[Json]:
    """Return the thinking blocks in a list."""
    return [block for block in value if isinstance(block, dict)] if isinstance(value, list) else []
