"""Reasoning under the names that vendors of OpenAI's dialect give it, as `reasoning_content` (A11)."""

from __future__ import annotations

from types import NoneType
from typing import Any

Json = dict[str, Any]
PARTS = ("delta", "message")
TEXT_OR_NONE = str, NoneType


def normalized(data: Json) -> Json:
    """Return a completion or a chunk whose reasoning stands where clients look for it; others as they are.

    What is of a wrong type there is taken out: whoever reads the choices later relies on them.
    """
    choices = data.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict):
            continue
        straighten(choice)
        for name in PARTS:
            part = choice.get(name)
            if isinstance(part, dict) and ("reasoning" in part or isinstance(part.get("content"), list)):
                choice[name] = told(part)
    return data


def straighten(choice: Json) -> None:
    """Take out of a choice what cannot be what its name says."""
    if not isinstance(choice.get("finish_reason"), TEXT_OR_NONE):
        choice["finish_reason"] = None
    if not isinstance(choice.get("index", 0), int):
        choice["index"] = 0
    part = choice.get("message") or choice.get("delta")
    if isinstance(part, dict) and part.get("tool_calls") is not None:
        calls = part["tool_calls"] if isinstance(part["tool_calls"], list) else []
        part["tool_calls"] = [one for one in calls if isinstance(one, dict)]


def told(part: Json) -> Json:
    """Return one delta or message with its text as text and its reasoning as `reasoning_content`."""
    rest = {name: value for name, value in part.items() if name != "reasoning"}
    thoughts = part.get("reasoning")
    if isinstance(thoughts, str) and thoughts and not part.get("reasoning_content"):
        rest["reasoning_content"] = thoughts
    if isinstance(part.get("content"), list):
        rest["content"] = texts(part["content"], "text")
        found = "".join(
            texts(one.get("thinking") or [], "text")
            for one in part["content"]
            if isinstance(one, dict) and isinstance(one.get("thinking"), list)
        )
        if found:
            rest["reasoning_content"] = found
    return rest


def texts(parts: list[Any], kind: str) -> str:
    """Return the texts of the parts of one kind, put together."""
    found = (part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == kind)
    return "".join(text for text in found if isinstance(text, str))
