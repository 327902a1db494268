"""Counting tokens offline, for answers whose provider sent no usage."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from splintr import AnyTokenizer, Tokenizer

from app.domain.bodies import encoded

COUNTED_BYTES = 65_536  # more text than this is estimated from its length: counting would hold the hub
BYTES_PER_TOKEN = 4
MESSAGE_OVERHEAD = 4


@cache
def tokenizer() -> AnyTokenizer:
    """Return the o200k tokenizer; the first call takes about 50 ms, so warm it at start."""
    return Tokenizer.from_pretrained("o200k_base")


def estimate_tokens(text: str) -> int:
    """Return about how many tokens `text` is."""
    size = len(text.encode(errors="replace"))
    if size > COUNTED_BYTES:
        return -(-size // BYTES_PER_TOKEN)
    return len(tokenizer().encode_ordinary(text)) if text else 0


def estimate_messages(messages: list[dict[str, Any]]) -> int:
    """Return about how many tokens a conversation's text is; images and files are not counted."""
    return sum(MESSAGE_OVERHEAD + estimate_tokens(message_text(message)) for message in messages)


def estimate_tools(request: dict[str, Any]) -> int:
    """Return about how many tokens the tools of a chat request are."""
    tools = request.get("tools") or request.get("functions")
    return estimate_tokens(encoded(tools).decode()) if tools else 0


def estimate_input(value: Any, count: Callable[[str], int] = estimate_tokens) -> int:
    """Return about how many tokens the input of embeddings is: texts, or tokens already."""
    if isinstance(value, list):
        return sum(1 if isinstance(item, int) else estimate_input(item, count) for item in value)
    return count(value) if isinstance(value, str) else 0


def message_text(message: dict[str, Any]) -> str:
    """Return the text of a message, its parts joined by line ends."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""
