"""What a client makes of an event stream, and the stream that a chat's chunks become."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from anthropic.lib.streaming._messages import accumulate_event

from app.domain.calls import Call, Chunk, Usage
from app.domain.dialects import ANTHROPIC
from app.domain.records import Record
from app.domain.streams import events

Json = dict[str, Any]
USAGE = Usage(10, 5, cache_read_tokens=3, cache_write_tokens=2)


def record(usage: Usage | None = USAGE, **request: Any) -> Record:
    """Return a record as it is while its answer passes."""
    found = Record(Call("proxy", "anthropic", bytes, "0190-aa"))
    found.usage, found.request, found.model_answered = usage, request, "gpt-x"
    return found


def chunk(delta: Json, finish: str | None = None, index: int = 0, **choice: Any) -> Chunk:
    """Return a chunk of a chat."""
    one = {"index": index, "delta": delta, "finish_reason": finish, **choice}
    return Chunk({"id": "chatcmpl-1", "model": "gpt-x", "choices": [one]}, None, finish)


def call(arguments: str, index: int = 0, name: str = "", call_id: str = "") -> Json:
    """Return a delta that adds to a tool call."""
    named = {"id": call_id, "type": "function"} if call_id else {}
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {"tool_calls": [{"index": index, **named, "function": function}]}


def sent(chunks: Iterable[Chunk], of: Record | None = None) -> list[Json]:
    """Return the events that the chunks become."""
    raw = b"".join(events(iter(chunks), ANTHROPIC, of or record())).decode()
    found = []
    for block in raw.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            found.append(json.loads(lines["data"]))
            assert lines["event"] == found[-1]["type"]
    return found


def blocks_of(told: list[Json]) -> list[Json]:
    """Return the blocks that the events make up; one after the other. `json`: a tool's own bytes."""
    blocks: list[Json] = []
    is_open = False
    for event in told:
        kind, delta = event["type"], event.get("delta", {})
        if kind == "content_block_start":
            assert not is_open and event["index"] == len(blocks)
            is_open = True
            blocks.append({**event["content_block"], "json": ""})
        elif kind == "content_block_delta":
            assert is_open and event["index"] == len(blocks) - 1
            for name, piece in delta.items():
                if name == "partial_json":
                    blocks[-1]["json"] += piece
                elif name != "type":
                    blocks[-1][name] += piece
        elif kind == "content_block_stop":
            assert is_open and event["index"] == len(blocks) - 1
            is_open = False
    assert not is_open
    return blocks


def as_the_sdk_reads(told: list[Json]) -> Any:
    """Return the message that Anthropic's own client puts together."""
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for event in told:
        if event["type"] not in ("ping", "message_stop"):
            snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)  # type: ignore[arg-type]
    return snapshot
