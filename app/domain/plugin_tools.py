"""The functions that plugins offer to the model, and what a round with them adds to the conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from app.domain.plugin_bounds import ARGUMENT_BYTES, RESULT_BYTES
from app.domain.plugin_turns import ToolCall, Turn
from app.domain.plugins import InUse, PluginFailed, cut

Json = dict[str, Any]
DEFINITIONS: dict[str, tuple[str, str, str]] = {  # description, the one argument, and what it is
    "sluice_run_python": (
        "Runs a Python 3 program and returns what it prints. It has the standard library only, no network "
        "and no files of the user's. Use it for arithmetic, dates, data, and all that is better computed "
        "than guessed.",
        "code",
        "The whole program. Print the results.",
    ),
    "sluice_make_image": (
        "Makes a picture from a description and shows it to the user. Use it only when a picture is wanted.",
        "prompt",
        "What the picture shows, in detail.",
    ),
}


def with_tools(request: Json, uses: Sequence[InUse]) -> Json:
    """Return the request with the tools of its plugins after the client's own."""
    ours = [definition(use.tool) for use in uses if use.tool]
    return {**request, "tools": [*(request.get("tools") or []), *ours]} if ours else request


def definition(name: str) -> Json:
    """Return one tool as OpenAI's API takes it."""
    description, argument, meaning = DEFINITIONS[name]
    schema = {
        "type": "object",
        "properties": {argument: {"type": "string", "description": meaning}},
        "required": [argument],
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


def argument_of(call: ToolCall) -> str:
    """Return the one argument of a call; raise PluginFailed, which the model is told."""
    name = DEFINITIONS[call.name][1]
    if len(call.arguments.encode(errors="replace")) > ARGUMENT_BYTES:
        raise PluginFailed(f"'{name}' is too long.")
    try:
        given = orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        raise PluginFailed("The arguments are not JSON.") from None
    value = given.get(name) if isinstance(given, dict) else None
    if not isinstance(value, str) or not value.strip():
        raise PluginFailed(f"'{name}' must be a text.")
    return value


def next_messages(messages: Sequence[Json], turn: Turn, results: Mapping[str, str]) -> list[Json]:
    """Return the conversation with the model's turn and the results of its calls, by the calls' ids."""
    answers = [
        {"role": "tool", "tool_call_id": call.id, "content": cut(results.get(call.id, ""), RESULT_BYTES)}
        for call in turn.calls
    ]
    said = {name: value for name, value in turn.message.items() if value is not None}
    return [*messages, {**said, "role": "assistant", "content": turn.text or None}, *answers]


def limited(request: Json, most_output: int) -> Json:
    """Return the request with its own limits on the answer lowered to so many tokens."""
    names = [n for n in ("max_completion_tokens", "max_tokens") if type(request.get(n)) is int]
    return {**request, **{name: min(request[name], most_output) for name in names}}


def picture(url: str) -> Json:
    """Return a picture as a message holds it."""
    return {"type": "image_url", "image_url": {"url": url}}


def markdown(url: str, prompt: str) -> str:
    """Return a picture with an address as text."""
    alt = " ".join(prompt.split()).replace("[", "(").replace("]", ")")[:100]
    return f"![{alt}]({url})\n\n"
