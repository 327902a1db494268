"""Answers of Anthropic's messages API turned into OpenAI completions and chunks."""

from __future__ import annotations

import time
from typing import Any

import orjson

from app.domain.calls import Chunk, Usage
from app.domain.dialects import openai_usage
from app.domain.provider_errors import ProviderFailed
from app.domain.usage import messages_usage
from app.providers.base import UNREADABLE

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}

THOUGHTS = ("thinking", "redacted_thinking")
NOT_ENDED: dict[str, Any] = {"finish_reason": None}
SIGNED = {"thinking_delta": "thinking", "signature_delta": "signature"}

Json = dict[str, Any]


def completion(message: Json) -> Chunk:
    """Return a whole message as the one chunk of a buffered answer; raises ProviderFailed for other JSON."""
    blocks = message.get("content")
    if message.get("type") != "message" or not isinstance(blocks, list):
        raise ProviderFailed(UNREADABLE)
    found = [block for block in blocks if isinstance(block, dict)]
    choice = {"index": 0, "message": answer(found), "logprobs": None, **ending(message)}
    if why := refusal_of(message):
        choice["message"]["refusal"] = why
    data = {**base(message, "chat.completion"), "choices": [choice]}
    usage = messages_usage(message.get("usage"))
    if usage is not None:
        data["usage"] = openai_usage(usage)
    return Chunk(data, usage, choice["finish_reason"], source=message)


def ending(message: Json) -> Json:
    """Return why an answer ended, in OpenAI's word and beside it in the provider's own."""
    reason, sequence = message.get("stop_reason"), message.get("stop_sequence")
    told: Json = {"finish_reason": FINISH_REASONS.get(str(reason), "stop")}
    if isinstance(reason, str):
        told["native_finish_reason"] = reason
    if isinstance(sequence, str):
        told["stop_sequence"] = sequence
    return told


def refusal_of(message: Json) -> str | None:
    """Return the provider's words about why it declined, where it gives any."""
    why = part(message, "stop_details").get("explanation")
    return why if isinstance(why, str) and why else None


def base(message: Json, kind: str) -> Json:
    """Return the fields that every chunk of an answer shares."""
    return {
        "id": str(message.get("id") or "msg"),
        "object": kind,
        "created": int(time.time()),
        "model": str(message.get("model") or ""),
    }


def answer(blocks: list[Json]) -> Json:
    """Return the message that the blocks make up."""
    message: Json = {"role": "assistant", "content": joined(blocks, "text") or None, "refusal": None}
    if text := joined(blocks, "thinking"):
        message["reasoning_content"] = text
    if thoughts := [block for block in blocks if block.get("type") in THOUGHTS]:
        message["thinking_blocks"] = thoughts
    calls = [call(block) for block in blocks if block.get("type") == "tool_use"]
    if calls:
        message["tool_calls"] = calls
    elif message["content"] is None:
        message["content"] = ""
    return message


def joined(blocks: list[Json], kind: str) -> str:
    """Return the texts of all blocks of one kind."""
    return "".join(str(block.get(kind) or "") for block in blocks if block.get("type") == kind)


def call(block: Json) -> Json:
    """Return a tool_use block as a tool call."""
    arguments = orjson.dumps(block.get("input") or {}).decode()
    function = {"name": str(block.get("name")), "arguments": arguments}
    return {"id": str(block.get("id")), "type": "function", "function": function}


class StreamTranslator:
    """Turns the events of one streamed message into chunks. `ended` is True once it is proven whole.

    Each event is the `source` of one chunk, which has no choices where it says nothing in OpenAI's words.
    """

    def __init__(self) -> None:
        self.ended = False
        self._base: Json = base({}, "chat.completion.chunk")
        self._usage: Usage | None = None
        self._calls: dict[int, int] = {}  # their block's index → our tool call's index
        self._inputs: dict[int, Json] = {}  # of tool calls whose arguments have not come yet
        self._thoughts: dict[int, Json] = {}

    def chunk(self, event: Json) -> Chunk:
        """Return what one event amounts to."""
        chunk = self._read(event) or Chunk({**self._base, "choices": []})
        chunk.source = event
        return chunk

    def _read(self, event: Json) -> Chunk | None:
        kind = event.get("type")
        if kind == "content_block_delta":
            return self._delta(index_of(event), part(event, "delta"))
        if kind == "content_block_start":
            return self._block(index_of(event), part(event, "content_block"))
        if kind == "content_block_stop":
            return self._block_end(index_of(event))
        if kind == "message_start":
            return self._start(part(event, "message"))
        if kind == "message_delta":
            return self._finish(event)
        if kind == "message_stop":
            return self._end()
        return Chunk(None) if kind == "ping" else None

    def _start(self, message: Json) -> Chunk:
        self._base = base(message, "chat.completion.chunk")
        self._usage = messages_usage(message.get("usage"))
        return self._chunk({"role": "assistant", "content": ""}, self._usage)

    def _block(self, index: int, block: Json) -> Chunk | None:
        kind = block.get("type")
        if kind == "tool_use":
            position = self._calls.setdefault(index, len(self._calls))
            self._inputs[index] = part(block, "input")
            first = call(block | {"input": {}}) | {"index": position}
            first["function"]["arguments"] = ""
            return self._chunk({"tool_calls": [first]})
        if kind in THOUGHTS:
            self._thoughts[index] = dict(block)
            return self._chunk({"reasoning_content": block["thinking"]}) if block.get("thinking") else None
        is_text = kind == "text" and block.get("text")
        return self._chunk({"content": str(block["text"])}) if is_text else None

    def _delta(self, index: int, delta: Json) -> Chunk | None:
        kind = delta.get("type")
        if kind == "text_delta":
            return self._chunk({"content": str(delta.get("text") or "")})
        if kind == "input_json_delta" and index in self._calls:
            return self._arguments(index, str(delta.get("partial_json") or ""))
        if isinstance(kind, str) and kind in SIGNED:
            name, text = SIGNED[kind], str(delta.get(SIGNED[kind]) or "")
            thought = self._thoughts.setdefault(index, {"type": "thinking", "thinking": ""})
            thought[name] = str(thought.get(name) or "") + text
            return self._chunk({"reasoning_content": text}) if name == "thinking" else None
        return None

    def _arguments(self, index: int, text: str) -> Chunk:
        if text:
            self._inputs.pop(index, None)
        added = {"index": self._calls[index], "function": {"arguments": text}}
        return self._chunk({"tool_calls": [added]})

    def _block_end(self, index: int) -> Chunk | None:
        """Thoughts go out whole, with their signature; a tool's input that came in no piece, at the end."""
        if index in self._thoughts:
            return self._chunk({"thinking_blocks": [self._thoughts.pop(index)]})
        if index in self._inputs:
            return self._arguments(index, orjson.dumps(self._inputs[index]).decode())
        return None

    def _finish(self, event: Json) -> Chunk | None:
        """The counts are totals, not steps (O4): they replace the earlier ones."""
        delta = part(event, "delta")
        self._usage = messages_usage(event.get("usage"), self._usage)
        if delta.get("stop_reason") is None:
            return None
        why = refusal_of(delta)
        return self._chunk({"refusal": why} if why else {}, self._usage, ending(delta))

    def _end(self) -> Chunk:
        self.ended = True
        told = {} if self._usage is None else {"usage": openai_usage(self._usage)}
        return Chunk({**self._base, "choices": [], **told}, self._usage)

    def _chunk(self, delta: Json, usage: Usage | None = None, end: Json = NOT_ENDED) -> Chunk:
        choice = {"index": 0, "delta": delta, "logprobs": None, **end}
        return Chunk({**self._base, "choices": [choice]}, usage, end["finish_reason"])


def index_of(event: Json) -> int:
    """Return which block an event belongs to; the first where it does not say."""
    index = event.get("index")
    return index if isinstance(index, int) else 0


def part(event: Json, name: str) -> Json:
    """Return an object inside an event, empty when missing."""
    value = event.get(name)
    return value if isinstance(value, dict) else {}
