"""What of an event is output: text, and the tool calls, which are paid for, too."""

from __future__ import annotations

from typing import Any

from app.domain.chat import choices_of


def texts_of(data: dict[str, Any]) -> list[str]:
    """Return the answer's text in one event, streamed or whole."""
    names = ("content", "reasoning_content")
    return [part[name] for part in parts_of(data) for name in names if isinstance(part.get(name), str)]


def calls_of(data: dict[str, Any]) -> list[str]:
    """Return the names and arguments of the tool calls in one event: output that is paid for, too."""
    found = []
    for part in parts_of(data):
        calls = part.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                found += [function[n] for n in ("name", "arguments") if isinstance(function.get(n), str)]
    return found


def parts_of(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what each choice of one event holds, streamed or whole."""
    parts = [choice.get("delta") or choice.get("message") for choice in choices_of(data)]
    return [part for part in parts if isinstance(part, dict)]
