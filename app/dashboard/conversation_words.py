"""The messages of a conversation as people read them: who speaks, and the text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

PICTURES = frozenset({"image_url", "input_image", "image"})


@dataclass(frozen=True, slots=True)
class Said:
    """One message. `side`: caller | model | beside."""

    who: str
    side: str
    text: str


def told(messages: Iterable[dict[str, Any]]) -> list[Said]:
    """Return messages as they are shown."""
    return [one(message) for message in messages]


def one(message: dict[str, Any]) -> Said:
    """Return one message as it is shown."""
    role = message.get("role")
    texts = [text_of(message.get("content")), message.get("refusal") or "", *calls_of(message)]
    text = "\n".join(text for text in texts if text) or str(_("(nothing)"))
    if role == "user":
        return Said(str(_("Caller")), "caller", text)
    if role == "assistant":
        return Said(str(_("Answer")), "model", text)
    if role in ("tool", "function"):
        return Said(str(_("Result of a tool")), "beside", text)
    return Said(str(_("Instructions of the caller")), "beside", text)


def text_of(content: Any) -> str:
    """Return the text of a content; what is no text is named."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(part_of(part) for part in parts if isinstance(part, dict))


def part_of(part: dict[str, Any]) -> str:
    """Return the text of one part of a content."""
    if isinstance(part.get("text"), str):
        return str(part["text"])
    return str(_("(a picture)") if part.get("type") in PICTURES else _("(a file)"))


def calls_of(message: dict[str, Any]) -> list[str]:
    """Return the tools that a message calls, each in a line."""
    listed = message.get("tool_calls")
    calls = listed if isinstance(listed, list) else []
    found = [
        *(call.get("function") for call in calls if isinstance(call, dict)),
        message.get("function_call"),
    ]
    return [
        str(_("calls %(tool)s with %(arguments)s", tool=call.get("name"), arguments=call.get("arguments")))
        for call in found
        if isinstance(call, dict)
    ]
