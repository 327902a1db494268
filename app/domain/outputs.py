"""What of an event is output: text, and the tool calls, which are paid for, too."""

from __future__ import annotations

from typing import Any

TEXTS = ("content", "reasoning_content")
CALLED = ("name", "arguments")


def add_output(data: dict[str, Any], texts: list[str], called: list[str]) -> int:
    """Add the text in one event, streamed or whole, to `texts`, and the names and arguments of its tool
    calls to `called`: output that is paid for, too. Return how many characters that were.
    """
    added = 0
    choices = data.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        part = (choice.get("delta") or choice.get("message")) if isinstance(choice, dict) else None
        if not isinstance(part, dict):
            continue
        for name in TEXTS:
            text = part.get(name)
            if text and isinstance(text, str):
                texts.append(text)
                added += len(text)
        if calls := part.get("tool_calls"):
            added += add_calls(calls, called)
    return added


def add_calls(calls: Any, called: list[str]) -> int:
    """Add the names and arguments of tool calls; return how many characters that were."""
    added = 0
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            continue
        for name in CALLED:
            text = function.get(name)
            if text and isinstance(text, str):
                called.append(text)
                added += len(text)
    return added
