"""How a conversation is told from another one: by how it began, which every later turn repeats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.tokens import message_text

MOST_CHARACTERS = 2_048  # of each message


def messages_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the messages of a body that nobody has checked yet; what is none is left out."""
    messages = body.get("messages")
    return [each for each in messages if isinstance(each, dict)] if isinstance(messages, list) else []


def opening(body: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return what stays the same through a conversation: its user, its instructions and its first message."""
    system, first = "", ""
    for message in messages_of(body):
        role = message.get("role")
        if role in ("system", "developer") and not system:
            system = message_text(message)
        elif role == "user":
            first = message_text(message)
            break
    user = body.get("user")
    return user if isinstance(user, str) else "", system[:MOST_CHARACTERS], first[:MOST_CHARACTERS]


def is_continued(body: Mapping[str, Any]) -> bool:
    """Say whether somebody has already answered in this conversation."""
    return any(message.get("role") == "assistant" for message in messages_of(body))
