"""OpenAI's older `functions` as today's tools, and the answers back, for models that only know tools."""

from __future__ import annotations

from typing import Any

from app.domain.chat import choices_of

Json = dict[str, Any]


def uses_functions(body: Json) -> bool:
    """Say whether a body speaks of functions, in its options or its conversation."""
    return bool(body.get("functions")) or any(
        isinstance(message, dict) and (message.get("role") == "function" or message.get("function_call"))
        for message in body.get("messages") or ()
    )


def as_tools(body: Json) -> Json:
    """Return the body with tools in place of functions."""
    rest = {name: value for name, value in body.items() if name not in ("functions", "function_call")}
    rest["messages"] = messages_of(body.get("messages") or [])
    if body.get("functions"):
        functions = body["functions"] if isinstance(body["functions"], list) else [body["functions"]]
        rest["tools"] = [{"type": "function", "function": one} for one in functions]
        choice = body.get("function_call")
        if choice is not None:
            is_named = isinstance(choice, dict)
            rest["tool_choice"] = {"type": "function", "function": choice} if is_named else choice
        rest["parallel_tool_calls"] = False
    return rest


def messages_of(messages: list[Any]) -> list[Any]:
    """Return the messages with each function call under an id of its own, and its result with the same."""
    found: list[Any] = []
    last = ""
    for index, message in enumerate(messages):
        if isinstance(message, dict) and isinstance(message.get("function_call"), dict):
            last = f"call_function_{index}"
            call = {"id": last, "type": "function", "function": message["function_call"]}
            message = {**message, "tool_calls": [call]}
        elif isinstance(message, dict) and message.get("role") == "function":
            message = {**message, "role": "tool", "tool_call_id": last or f"call_function_{index}"}
        found.append(message)
    return found


def as_functions(data: Json) -> Json:
    """Return a completion or a chunk with a function call in place of a tool call."""
    return {**data, "choices": [function_choice(choice) for choice in choices_of(data)]}


def function_choice(choice: Json) -> Json:
    """Return one choice that tells of a function call."""
    changed = dict(choice)
    if changed.get("finish_reason") == "tool_calls":
        changed["finish_reason"] = "function_call"
    for name in ("message", "delta"):
        part = changed.get(name)
        if isinstance(part, dict) and part.get("tool_calls"):
            rest = {key: value for key, value in part.items() if key != "tool_calls"}
            changed[name] = {**rest, "function_call": part["tool_calls"][0]["function"]}
    return changed
