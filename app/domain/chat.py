"""OpenAI chat answers as plain dictionaries: chunks joined into a completion, a completion cut up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

SHARED = ("id", "created", "model", "system_fingerprint", "service_tier")
MOST_INDEXED = 1000  # more choices or tool calls than this are nonsense
REPLACED = frozenset({"role", "type", "id", "index"})  # repeated as they are, not in pieces

Json = dict[str, Any]


def finish_reason(chunk: Json) -> str | None:
    """Return the first finish reason of a chunk."""
    choices = chunk.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            reason = choice.get("finish_reason")
            if isinstance(reason, str) and reason:
                return reason
    return None


def choices_of(data: Json) -> list[Json]:
    """Return the well-formed choices of a completion or chunk."""
    choices = data.get("choices")
    return [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []


def join(chunks: Iterable[Json]) -> Json:
    """Return the `chat.completion` that a stream's chunks make up."""
    completion: Json = {"id": "", "object": "chat.completion", "created": 0, "model": ""}
    choices: dict[int, Json] = {}
    for chunk in chunks:
        completion.update({name: chunk[name] for name in SHARED if chunk.get(name) is not None})
        if chunk.get("usage") is not None:
            completion["usage"] = chunk["usage"]
        for choice in choices_of(chunk):
            join_choice(choices, choice)
    for choice in choices.values():
        finish_message(choice["message"])
    return completion | {"choices": [resolved(choices[index]) for index in sorted(choices)]}


def join_choice(choices: dict[int, Json], piece: Json) -> None:
    """Add what one chunk says about one choice."""
    index = whole_number(piece.get("index"))
    if index >= MOST_INDEXED:
        return
    empty: Json = {"index": index, "message": {"role": "assistant"}, "finish_reason": None}
    choice = choices.setdefault(index, empty)
    delta = piece.get("delta")
    if isinstance(delta, dict):
        merge(choice["message"], delta)
    if piece.get("finish_reason"):
        choice["finish_reason"] = piece["finish_reason"]
    if isinstance(piece.get("logprobs"), dict):
        merge(choice.setdefault("logprobs", {}), piece["logprobs"])


class Text(list[str]):
    """Pieces of one text, put together once at the end: a million of them must not cost a million copies."""


def merge(whole: Json, delta: Json) -> None:
    """Add a delta to what came before: text is appended, lists are merged by their items' index."""
    for name, value in delta.items():
        before = whole.get(name)
        if value is None:
            whole.setdefault(name, None)
        elif name in REPLACED:
            whole[name] = value or before
        elif isinstance(value, str):
            append_text(whole, name, value)
        elif isinstance(value, dict):
            if not isinstance(before, dict):
                before = whole[name] = {}
            merge(before, value)
        elif isinstance(value, list):
            append_items(whole, name, value)
        else:
            whole[name] = value


def append_text(whole: Json, name: str, text: str) -> None:
    """Add a piece to a text."""
    before = whole.get(name)
    if isinstance(before, Text):
        before.append(text)
    else:
        whole[name] = Text([text])


def append_items(whole: Json, name: str, items: list[Any]) -> None:
    """Append items; those with an `index` (tool calls) continue the item of the same index."""
    before = whole.get(name)
    if not isinstance(before, list) or isinstance(before, Text):
        before = whole[name] = []
    for item in items:
        if not isinstance(item, dict) or "index" not in item:
            before.append(item)
        elif whole_number(item["index"]) < MOST_INDEXED:
            merge(item_of(before, whole_number(item["index"])), item)


def item_of(items: list[Any], index: int) -> Json:
    """Return the item with this index, a new one when there is none."""
    for item in items:
        if isinstance(item, dict) and item.get("index") == index:
            return item
    new: Json = {"index": index}
    items.append(new)
    return new


def resolved(value: Any) -> Any:
    """Return the value with every text put together."""
    if isinstance(value, Text):
        return "".join(value)
    if isinstance(value, dict):
        return {name: resolved(inner) for name, inner in value.items()}
    return [resolved(inner) for inner in value] if isinstance(value, list) else value


def finish_message(message: Json) -> None:
    """Give a joined message its final shape: content is present, tool calls in order and without index."""
    message.setdefault("content", None)
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        found = [call for call in calls if isinstance(call, dict)]
        ordered = sorted(found, key=lambda call: whole_number(call.get("index")))
        message["tool_calls"] = [{k: v for k, v in call.items() if k != "index"} for call in ordered]


def split(completion: Json) -> Iterator[Json]:
    """Yield the chunks of a completion: a whole message per choice, its end, and the usage last."""
    shared = {name: completion[name] for name in SHARED if completion.get(name) is not None}
    base = shared | {"object": "chat.completion.chunk"}
    for choice in choices_of(completion):
        index = whole_number(choice.get("index"))
        message = choice.get("message")
        delta = {"role": "assistant"} | delta_of(message if isinstance(message, dict) else {})
        yield base | {"choices": [{"index": index, "delta": delta, "finish_reason": None}]}
        reason = choice.get("finish_reason") or "stop"
        yield base | {"choices": [{"index": index, "delta": {}, "finish_reason": reason}]}
    if completion.get("usage") is not None:
        yield base | {"choices": [], "usage": completion["usage"]}


def delta_of(message: Json) -> Json:
    """Return a whole message as one delta: tool calls get their index back."""
    delta = {name: value for name, value in message.items() if value is not None}
    if isinstance(delta.get("tool_calls"), list):
        delta["tool_calls"] = [{"index": i} | call for i, call in enumerate(delta["tool_calls"])]
    return delta


def whole_number(value: Any) -> int:
    """Return an index, 0 when it is missing or strange."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def piece_of_text(text: str, role: str | None = None) -> Json:
    """Return the `choices` of a chunk that adds text to the first choice."""
    delta = {"content": text} if role is None else {"role": role, "content": text}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
