"""Messages of a chat made fit for whoever reads them: notes of other dialects, pictures, wishes in words.

Beside OpenAI's own fields a message may carry what other dialects know: an answer its `reasoning_content`
and `thinking_blocks` (with their signatures, so that they can be sent back), a tool's result `is_error`, and
a part or a tool `cache_control`.
"""

from __future__ import annotations

from typing import Any

import orjson

USUAL = frozenset({"role", "content", "name", "tool_calls", "tool_call_id", "refusal"})
OTHERS = frozenset({"thinking_blocks", "is_error", "cache_control", "reasoning_content", "reasoning"})
NO_IMAGES = "[An image was left out here: this model cannot see images.]"
IMAGES_FOLLOW = "[The tool's images follow.]"
FAILED = "[The tool failed.]"
JSON_WORDS = "Answer with one valid JSON object and nothing else: no other words, no code fence."
SCHEMA_WORDS = (
    "Answer with JSON that fits this JSON schema and with nothing else: no other words, no code fence."
)

Json = dict[str, Any]


def for_chat(messages: list[Json], reasoning: str) -> list[Json]:
    """Return the messages as a strict API of OpenAI's dialect takes them.

    `reasoning`: what it calls an earlier answer's reasoning; empty: it takes none.
    """
    fitted: list[Json] = []
    for message in messages:
        if isinstance(message.get("content"), str | None) and message.keys() <= USUAL:
            fitted.append(message)
        else:
            fitted += strict(message, reasoning)
    return fitted


def strict(message: Json, reasoning: str) -> list[Json]:
    """Return a message without what only other dialects know; a tool's images are said by the user."""
    kept = {name: value for name, value in message.items() if name not in OTHERS}
    thoughts = message.get("reasoning_content") or message.get("reasoning")
    if reasoning and thoughts and message.get("role") == "assistant":
        kept[reasoning] = thoughts
    content = message.get("content")
    if message.get("is_error") is True:
        content = kept["content"] = told_as_failed(content)
    if not isinstance(content, list):
        return [kept]
    kept["content"] = parts = [without_notes(part) for part in content]
    images = [part for part in parts if is_image(part)]
    if message.get("role") != "tool" or not images:
        return [kept]
    kept["content"] = [part for part in parts if not is_image(part)] or IMAGES_FOLLOW
    return [kept, {"role": "user", "content": images}]


def told_as_failed(content: Any) -> Any:
    """Return a tool's result with a word that it failed, where a message cannot say so otherwise."""
    if isinstance(content, list):
        return [{"type": "text", "text": FAILED}, *content]
    return f"{FAILED} {content or ''}".rstrip()


def without_notes(part: Any) -> Any:
    """Return a part without the mark that other vendors' caches read."""
    if isinstance(part, dict) and "cache_control" in part:
        return {name: value for name, value in part.items() if name != "cache_control"}
    return part


def is_image(part: Any) -> bool:
    """Say whether a part is an image."""
    return isinstance(part, dict) and part.get("type") == "image_url"


def without_images(messages: list[Json]) -> list[Json] | None:
    """Return the messages with a line of text in each image's place; None when there is no image."""
    found = False
    replaced = []
    for message in messages:
        content = message.get("content")
        if isinstance(content, list) and any(map(is_image, content)):
            found = True
            parts = [{"type": "text", "text": NO_IMAGES} if is_image(part) else part for part in content]
            message = {**message, "content": parts}
        replaced.append(message)
    return replaced if found else None


def in_words(wanted: Json, messages: list[Json]) -> list[Json]:
    """Return the messages with a `response_format` said in words, after whatever the system says first."""
    described = wanted.get("json_schema")
    schema = described.get("schema") if isinstance(described, dict) else None
    words = f"{SCHEMA_WORDS}\n{orjson.dumps(schema).decode()}" if schema else JSON_WORDS
    first = next(
        (i for i, message in enumerate(messages) if message.get("role") not in ("system", "developer")), 0
    )
    return [*messages[:first], {"role": "system", "content": words}, *messages[first:]]
