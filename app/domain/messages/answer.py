"""Chat completions as messages of Anthropic's dialect: content blocks, the reason to stop, usage."""

from __future__ import annotations

import re
from typing import Any

import jiter

from app.domain.calls import Usage
from app.domain.chat import choices_of
from app.domain.ids import new_id
from app.domain.records import Record

Json = dict[str, Any]
STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
THEIR_REASONS = ("stop_sequence", "pause_turn", "refusal", "model_context_window_exceeded")
ODD_IN_ID = re.compile(r"[^A-Za-z0-9_-]")
THOUGHTS = ("thinking", "redacted_thinking")


def message_of(completion: Json, record: Record) -> Json:
    """Return the message that a completion is; where the provider sent a message, that one.

    Where tokens were only to be counted, the count is the answer.
    """
    if record.target is not None and record.target.operation == "count_tokens":
        return completion
    if record.source is not None and not record.cached:
        return {**record.source, "model": record.model_told or record.source.get("model")}
    choice = next(iter(choices_of(completion)), {})
    said = choice.get("message")
    content = content_of(said if isinstance(said, dict) else {})
    return {
        **envelope(record, completion.get("id")),
        "content": content,
        **stopped(choice, record, any(block["type"] == "tool_use" for block in content)),
        "usage": usage_of(record.usage or Usage()),
    }


def envelope(record: Record, given_id: Any) -> Json:
    """Return the fields that are known before the answer is; ids look as clients know them."""
    is_theirs = isinstance(given_id, str) and given_id.startswith("msg_")
    return {
        "id": given_id if is_theirs else f"msg_{record.call.request_id.replace('-', '')}",
        "type": "message",
        "role": "assistant",
        "model": record.model_told or "",
    }


def content_of(said: Json) -> list[Json]:
    """Return the blocks of a chat answer: thoughts, text, then the tools that it uses."""
    text = (text_of(said.get("content")) or text_of(said.get("refusal"))) + pictures_of(said)
    calls = said.get("tool_calls")
    uses = [use_of(call) for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    return [*thoughts_of(said), *([{"type": "text", "text": text}] if text else []), *uses]


def thoughts_of(said: Json) -> list[Json]:
    """Return the thinking blocks: with their signatures where the provider gave some."""
    given = said.get("thinking_blocks")
    blocks = [block for block in given if is_thought(block)] if isinstance(given, list) else []
    text = text_of(said.get("reasoning_content"))
    return blocks or ([{"type": "thinking", "thinking": text, "signature": ""}] if text else [])


def is_thought(block: Any) -> bool:
    """Say whether a value is a thinking block."""
    return isinstance(block, dict) and block.get("type") in THOUGHTS


def text_of(content: Any) -> str:
    """Return the text of a content, whose parts some vendors send apart."""
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def use_of(call: Json) -> Json:
    """Return a tool call as a block."""
    function = call.get("function")
    named = function if isinstance(function, dict) else {}
    return {
        "type": "tool_use",
        "id": use_id(call.get("id")),
        "name": str(named.get("name") or ""),
        "input": arguments_of(named.get("arguments")),
    }


def use_id(given: Any) -> str:
    """Return a tool call's id in the alphabet of this API, which wants it back; a new one where none came."""
    return (
        ODD_IN_ID.sub("_", given)
        if isinstance(given, str) and given
        else f"toolu_{new_id().replace('-', '')}"
    )


def pictures_of(said: Json) -> str:
    """Return the pictures that stand in no text yet, as a text: this API has no blocks for them."""
    images = said.get("images")
    parts = (
        [image.get("image_url") for image in images if isinstance(image, dict)]
        if isinstance(images, list)
        else []
    )
    urls = [part.get("url") for part in parts if isinstance(part, dict)]
    return "".join(f"\n![]({url})\n" for url in urls if isinstance(url, str) and url.startswith("data:"))


def arguments_of(text: Any) -> Json:
    """Return a tool's arguments as an object; a model's broken JSON stands under one name."""
    if not isinstance(text, str) or not text.strip():
        return text if isinstance(text, dict) else {}
    try:
        value = jiter.from_json(text.encode(errors="replace"), allow_inf_nan=False)
    except ValueError:
        value = text
    return value if isinstance(value, dict) else {"arguments": value}


def stopped(choice: Json, record: Record, uses_tools: bool) -> Json:
    """Return why the answer ended, and at which text where the provider says so."""
    reason, text = choice.get("finish_reason"), choice.get("stop_reason")
    if choice.get("native_finish_reason") in THEIR_REASONS:
        told = choice["native_finish_reason"]
        return {"stop_reason": told, "stop_sequence": choice.get("stop_sequence")}
    if reason == "stop" and isinstance(text, str) and text in stop_texts(record):
        return {"stop_reason": "stop_sequence", "stop_sequence": text}
    if reason in ("stop", None) and uses_tools:
        reason = "tool_calls"
    return {"stop_reason": STOP_REASONS.get(str(reason), "end_turn"), "stop_sequence": None}


def stop_texts(record: Record) -> list[Any]:
    """Return the texts at which the answer was to stop."""
    given = record.request.get("stop")
    return given if isinstance(given, list) else [given]


def usage_of(usage: Usage) -> Json:
    """Return the usage object: what was read from a cache or written to it stands beside the input."""
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    thought = {"output_tokens_details": {"thinking_tokens": usage.reasoning_tokens}}
    return {
        "input_tokens": max(0, usage.input_tokens - cached),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "output_tokens": usage.output_tokens,
        **(thought if usage.reasoning_tokens else {}),
    }
