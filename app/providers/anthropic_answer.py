"""Answers of Anthropic's messages API turned into OpenAI completions and chunks."""

from __future__ import annotations

import time
from typing import Any

import orjson

from app.domain.calls import HEARTBEAT, Chunk, Usage
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

Json = dict[str, Any]


def completion(message: Json) -> Chunk:
    """Return a whole message as the one chunk of a buffered answer; raises ProviderFailed for other JSON."""
    blocks = message.get("content")
    if message.get("type") != "message" or not isinstance(blocks, list):
        raise ProviderFailed(UNREADABLE)
    found = [block for block in blocks if isinstance(block, dict)]
    reason = FINISH_REASONS.get(str(message.get("stop_reason")), "stop")
    choice = {"index": 0, "message": answer(found), "logprobs": None, "finish_reason": reason}
    data = {**base(message, "chat.completion"), "choices": [choice]}
    usage = messages_usage(message.get("usage"))
    if usage is not None:
        data["usage"] = openai_usage(usage)
    return Chunk(data, usage, reason)


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
    thoughts = joined(blocks, "thinking")
    if thoughts:
        message["reasoning_content"] = thoughts
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
    """Turns the events of one streamed message into chunks. `ended` is True once it is proven whole."""

    def __init__(self) -> None:
        self.ended = False
        self._base: Json = base({}, "chat.completion.chunk")
        self._usage: Usage | None = None
        self._calls: dict[int, int] = {}  # their block's index → our tool call's index

    def chunks(self, event: Json) -> list[Chunk]:
        """Return what one event amounts to: often one chunk, sometimes none or two."""
        kind = event.get("type")
        if kind == "content_block_delta":
            return self._delta(event, part(event, "delta"))
        if kind == "content_block_start":
            return self._block(event, part(event, "content_block"))
        if kind == "message_start":
            return self._start(part(event, "message"))
        if kind == "message_delta":
            return self._finish(event)
        self.ended = self.ended or kind == "message_stop"
        return [HEARTBEAT] if kind == "ping" else []

    def _start(self, message: Json) -> list[Chunk]:
        self._base = base(message, "chat.completion.chunk")
        self._usage = messages_usage(message.get("usage"))
        return [self._chunk({"role": "assistant", "content": ""}, self._usage)]

    def _block(self, event: Json, block: Json) -> list[Chunk]:
        kind = block.get("type")
        if kind == "tool_use":
            position = self._calls.setdefault(event.get("index", 0), len(self._calls))
            first = call(block | {"input": {}}) | {"index": position}
            first["function"]["arguments"] = ""
            return [self._chunk({"tool_calls": [first]})]
        if kind == "text" and block.get("text"):
            return [self._chunk({"content": str(block["text"])})]
        return []

    def _delta(self, event: Json, delta: Json) -> list[Chunk]:
        kind = delta.get("type")
        if kind == "text_delta":
            return [self._chunk({"content": str(delta.get("text") or "")})]
        if kind == "input_json_delta" and event.get("index", 0) in self._calls:
            arguments = {"arguments": str(delta.get("partial_json") or "")}
            position = self._calls[event.get("index", 0)]
            return [self._chunk({"tool_calls": [{"index": position, "function": arguments}]})]
        if kind == "thinking_delta":
            return [self._chunk({"reasoning_content": str(delta.get("thinking") or "")})]
        return []

    def _finish(self, event: Json) -> list[Chunk]:
        """The counts are totals, not steps (O4): they replace the earlier ones."""
        reason = part(event, "delta").get("stop_reason")
        self._usage = messages_usage(event.get("usage"), self._usage)
        chunks: list[Chunk] = []
        if reason is not None:
            chunks.append(self._chunk({}, None, FINISH_REASONS.get(str(reason), "stop")))
        if self._usage is not None:
            usage = openai_usage(self._usage)
            chunks.append(Chunk({**self._base, "choices": [], "usage": usage}, self._usage))
        return chunks

    def _chunk(self, delta: Json, usage: Usage | None = None, reason: str | None = None) -> Chunk:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return Chunk({**self._base, "choices": [choice]}, usage, reason)


def part(event: Json, name: str) -> Json:
    """Return an object inside an event, empty when missing."""
    value = event.get(name)
    return value if isinstance(value, dict) else {}
