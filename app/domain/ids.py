"""Identifiers: time-ordered ids for rows, and the alphabet of slugs."""

from __future__ import annotations

import os
import re
import time
import uuid

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
VERSION_AND_VARIANT = (0xF << 76) | (0x3 << 62)
VERSION_7 = (0x7 << 76) | (0x2 << 62)


def new_id(milliseconds: int | None = None) -> str:
    """Return a UUIDv7 (RFC 9562): 48 bits of Unix milliseconds (of now, or those given), then randomness."""
    milliseconds = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10))
    # Written here, not by uuid.UUID: 1.5 µs less, several times per call.
    text = f"{value & ~VERSION_AND_VARIANT | VERSION_7:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def slugify(name: str) -> str:
    """Turn a name into a slug: lower case ASCII letters, digits and dashes, 1-64 long."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return text[:64].strip("-") or "item"


def is_slug(text: str) -> bool:
    """Say whether `text` is a well-formed slug."""
    return SLUG.fullmatch(text) is not None


def is_uuid(text: object) -> bool:
    """Say whether `text` is a UUID in its usual form."""
    try:
        return isinstance(text, str) and bool(uuid.UUID(text)) and len(text) == 36
    except ValueError:
        return False
