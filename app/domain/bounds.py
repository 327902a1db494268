"""Upper bounds of what a request can use, known before anybody is asked; they need no tokenizer.

A token of a byte-level vocabulary is at least one byte, so the bytes of a text bound its tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from app.domain.errors import InvalidRequest

BYTES_PER_TOKEN = 4  # on average, for what is charged when nothing better is known
MESSAGE_TOKENS = 8  # what a provider adds round each message
TOOLS_TOKENS = 1_024  # what a provider adds when there are tools
IMAGE_TOKENS = 40_000  # the most that any vendor counts for one picture
FILE_TOKENS = 20_000  # a short document can become several pictures
UNLIMITED_OUTPUT = 16_384  # for a model of which no limit is known
LIMIT_FIELDS = {
    "chat": ("max_completion_tokens", "max_tokens"),
    "responses": ("max_output_tokens",),
    "messages": ("max_tokens",),
}
PICTURES = frozenset({"image_url", "input_image", "image"})
FILES = frozenset({"file", "input_file", "document"})


@dataclass(frozen=True, slots=True)
class Bound:
    """The most a request can use. `output_tokens` is for one of `copies` answers; None: it sets no limit."""

    input_tokens: int
    output_tokens: int | None
    copies: int = 1
    estimated_input_tokens: int = 0  # about how much input it will be


def bound_of(body: dict[str, Any], operation: str = "chat", history_tokens: int = 0) -> Bound:
    """Return the bounds of a request's body; InvalidRequest where what it names cannot be bounded."""
    size = len(orjson.dumps(body))
    extra, saved = attachments(body)
    lists = (body.get("messages"), body.get("input"))
    messages = sum(len(part) for part in lists if isinstance(part, list))
    text_bytes = max(0, size - saved)
    tools = TOOLS_TOKENS if body.get("tools") or body.get("functions") else 0
    return Bound(
        input_tokens=text_bytes + messages * MESSAGE_TOKENS + tools + extra + history_tokens,
        output_tokens=0 if operation == "embeddings" else output_limit(body, operation),
        copies=copies_of(body),
        estimated_input_tokens=-(-text_bytes // BYTES_PER_TOKEN) + history_tokens,
    )


def output_limit(body: dict[str, Any], operation: str) -> int | None:
    """Return the limit on one answer that the request sets; None when it sets none that makes sense."""
    values = [body.get(name) for name in LIMIT_FIELDS.get(operation, ())]
    return next((v for v in values if isinstance(v, int) and not isinstance(v, bool) and v >= 0), None)


def copies_of(body: dict[str, Any]) -> int:
    """Return how many answers the request asks for."""
    value = body.get("n")
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 1 else 1


def attachments(value: Any) -> tuple[int, int]:
    """Return the tokens that pictures and files may add, and the bytes of text that they are not."""
    if isinstance(value, list):
        found = [attachments(item) for item in value if isinstance(item, dict | list)]
        return sum(extra for extra, _ in found), sum(saved for _, saved in found)
    if not isinstance(value, dict):
        return 0, 0
    kind = value.get("type")
    if kind in PICTURES:
        return IMAGE_TOKENS, len(orjson.dumps(value))
    if kind in FILES:
        return file_tokens(value), 0
    return attachments([item for item in value.values() if isinstance(item, dict | list)])


def file_tokens(part: dict[str, Any]) -> int:
    """Return what a file in the request may add to its bytes; InvalidRequest when it is elsewhere."""
    raw = orjson.dumps(part)
    if any(name in raw for name in (b'"file_id"', b'"file_url"', b'"url"')):
        raise InvalidRequest("Send the file itself: what a linked file may cost is not known beforehand.")
    return FILE_TOKENS + 3 * len(raw)
