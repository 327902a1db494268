"""The texts that a client sends in a request, in every dialect: read in order, and put back changed.

Content only: messages with their parts, tool calls and tool results, system texts, variables, inputs of
embeddings. Pictures, files, ids and the descriptions of tools are no content.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import orjson

Json = dict[str, Any]
Change = Callable[[str], str]

FIELDS = (
    "system", "instructions", "message", "messages", "input", "prompt", "prediction", "documents",
    "variables",
)  # fmt: skip
OPEN_FIELDS = frozenset({"variables"})  # any name inside is the client's own
NO_TEXT = frozenset(
    {
        "type", "role", "id", "call_id", "tool_call_id", "tool_use_id", "container_id", "item_id", "status",
        "url", "file_id", "file_url", "file_data", "image_url", "video_url", "audio_url", "input_audio",
        "audio", "data", "media_type", "mime_type", "detail", "format", "cache_control", "signature",
        "encrypted_content", "object", "phase", "encrypted_index",
    }
)  # fmt: skip
JSON_TEXTS = frozenset({"arguments"})
PLAIN_NAME = re.compile(
    r"[A-Za-z_$-]*[0-9]{0,3}"
)  # of a field; every other name in a tool's arguments is text


def read(body: Json) -> list[str]:
    """Return the texts of a body, in order."""
    found: list[str] = []

    def note(text: str) -> str:
        found.append(text)
        return text

    changed(body, note)
    return found


def together(body: Json) -> list[int]:
    """Return how many of the texts that `read` returns, in order, belong to one message each."""
    found: list[int] = []
    for name in FIELDS:
        value = body.get(name)
        items = [[item] for item in value] if isinstance(value, list) and name != "system" else [value]
        found += [len(read({name: item})) for item in items]
    return [count for count in found if count]


def written(body: Json, texts: Iterable[str]) -> Json:
    """Return the body with these texts in the places of those that `read` returned."""
    given = iter(texts)
    return changed(body, lambda _: next(given))


def changed(body: Json, change: Change) -> Json:
    """Return the body with every text of the client's as `change` returns it."""
    told = {name: inside(body[name], change, name in OPEN_FIELDS) for name in FIELDS if name in body}
    return {**body, **told}


def inside(value: Any, change: Change, is_open: bool) -> Any:
    """Return a part of the body with its texts changed; where it is open, numbers are texts too."""
    if isinstance(value, str):
        return change(value) if value else value
    if isinstance(value, list):
        return [inside(item, change, is_open) for item in value]
    if isinstance(value, dict):
        return opened(value, change) if is_open else fields_of(value, change)
    return number(value, change) if is_open else value


def fields_of(part: Json, change: Change) -> Json:
    """Return an object with its texts changed, but for the fields that are none."""
    return {name: field_of(part, name, change) for name in part}


def opened(part: Json, change: Change) -> Json:
    """Return an object whose names are anybody's own with its texts changed, and the names that are texts."""
    told: Json = {}
    for name, value in part.items():
        after = name if PLAIN_NAME.fullmatch(name) else change(name)
        while after in told:  # two names that are masked alike
            after += "_"
        told[after] = inside(value, change, True)
    return told


def field_of(part: Json, name: str, change: Change) -> Any:
    """Return one field of an object."""
    value = part[name]
    if name == "thinking" and is_signed(part):
        return value
    if name in JSON_TEXTS and isinstance(value, str):
        return json_text(value, change)
    if name == "input" and isinstance(value, dict):  # of a tool call
        return inside(value, change, True)
    if (name in NO_TEXT or is_name_of_tool(part, name)) and not (name == "data" and is_text_source(part)):
        return value
    return inside(value, change, False)


def is_signed(part: Json) -> bool:
    """Say whether a part is a thought that its provider signed: no client can have written or change it."""
    return part.get("type") in ("thinking", "redacted_thinking") and bool(part.get("signature"))


def is_name_of_tool(part: Json, name: str) -> bool:
    """Say whether a field is the name of a tool rather than a text."""
    is_tool = "arguments" in part or "input" in part or part.get("role") in ("tool", "function")
    return name == "name" and is_tool


def is_text_source(part: Json) -> bool:
    """Say whether the data of a document is plain text."""
    return part.get("type") == "text" and "media_type" in part


def json_text(value: str, change: Change) -> str:
    """Return a text of JSON with the texts in it changed: in it a character can be written in many ways."""
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError:
        return change(value)
    after = inside(parsed, change, True)
    return value if after == parsed else orjson.dumps(after).decode()


def number(value: Any, change: Change) -> Any:
    """Return a number as it is, unless it reads as something that must not stay."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    written = str(value)
    after = change(written)
    return value if after == written else after


def has_tokens(body: Json) -> bool:
    """Say whether a body's input is given as token numbers, which nobody can read here."""
    value = body.get("input")
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, int) or (isinstance(first, list) and bool(first) and isinstance(first[0], int))
