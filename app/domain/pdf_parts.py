"""The PDFs in a conversation: where they stand, and the text that takes their place."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
MOST_PDFS = 10


@dataclass(frozen=True, slots=True)
class Pdf:
    """A PDF as a message holds it: its bytes, or the https address of them."""

    name: str
    data: bytes = b""
    url: str = ""


def pdf_of(part: Any) -> Pdf | None:
    """Return the PDF that a part of a message is; None for everything else."""
    if not isinstance(part, dict) or part.get("type") not in ("file", "input_file", "document"):
        return None
    inner = next((part[name] for name in ("file", "source") if isinstance(part.get(name), dict)), part)
    name = next(
        (v for v in (inner.get("filename"), part.get("title")) if isinstance(v, str) and v), "file.pdf"
    )
    for field in ("file_data", "file_url", "url", "data"):
        value = inner.get(field)
        if isinstance(value, str) and value:
            return from_text(value, name[:200])
    return None


def from_text(value: str, name: str) -> Pdf | None:
    """Return the PDF that a data URL, plain base64 or an https address stands for."""
    if value.startswith("https://"):
        return Pdf(name, url=value)
    head, separator, rest = value.partition(";base64,")
    if separator and head not in ("data:application/pdf", "data:application/octet-stream"):
        return None
    try:
        return Pdf(name, base64.b64decode(rest if separator else value, validate=True))
    except (binascii.Error, ValueError):
        return None


def replaced(messages: list[Json], text_of: Callable[[Pdf], str]) -> list[Json]:
    """Return the conversation with a text in the place of each PDF."""
    return [replaced_in(message, text_of) for message in messages]


def replaced_in(message: Json, text_of: Callable[[Pdf], str]) -> Json:
    """Return a message with a text in the place of each PDF; one without PDFs as it is."""
    content = message.get("content")
    if not isinstance(content, list):
        return message
    found = [pdf_of(part) for part in content]
    if not any(found):
        return message
    parts = [
        part if pdf is None else {"type": "text", "text": text_of(pdf)}
        for part, pdf in zip(content, found, strict=True)
    ]
    return {**message, "content": parts}


def without_pdfs(messages: list[Json]) -> list[Json]:
    """Return the conversation with nothing but a name where PDFs stand."""
    return replaced(messages, lambda pdf: pdf.name)


def count(messages: list[Json]) -> int:
    """Return how many PDFs a conversation holds."""
    found = 0
    for message in messages:
        content = message.get("content")
        found += sum(pdf_of(part) is not None for part in content) if isinstance(content, list) else 0
    return found
