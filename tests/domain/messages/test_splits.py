"""A tool's arguments arrive byte for byte, wherever the provider's bytes were cut on their way."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from app.domain.calls import Chunk
from app.domain.sse import Splitter
from app.providers.anthropic_answer import StreamTranslator
from app.providers.base import END, chunk_of
from tests.domain.messages.streamed import blocks_of, record, sent
from tests.upstream_replies import anthropic_events, data, openai_chunk, text_block

ARGUMENTS = '{"a": "é🎈\\u00e9",  "b": [1.50, "}\\"{"]}'
PIECES = (ARGUMENTS[:7], ARGUMENTS[7:9], ARGUMENTS[9:])


def openai_bytes() -> bytes:
    named = {"type": "function", "function": {"name": "w", "arguments": ""}}
    deltas = [
        {"index": 0, "id": "c1", **named},
        *({"index": 0, "function": {"arguments": p}} for p in PIECES),
    ]
    chunks = [*(openai_chunk({"tool_calls": [delta]}) for delta in deltas), openai_chunk({"content": "ok"})]
    return b"".join(map(data, [*chunks, openai_chunk({}, "tool_calls"), "[DONE]"]))


def anthropic_bytes() -> bytes:
    block = {"type": "tool_use", "id": "c1", "name": "w", "input": {}}
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in PIECES]
    return b"".join(anthropic_events((block, pieces), text_block("ok"), stop="tool_use"))


def from_openai(splitter: Splitter, parts: tuple[bytes, bytes]) -> Iterator[Chunk]:
    for part in parts:
        yield from (chunk_of(json.loads(event.data)) for event in splitter.feed(part) if event.data != END)


def from_anthropic(splitter: Splitter, parts: tuple[bytes, bytes]) -> Iterator[Chunk]:
    translator = StreamTranslator()
    for part in parts:
        for event in splitter.feed(part):
            yield translator.chunk(json.loads(event.data))


def without_source(splitter: Splitter, parts: tuple[bytes, bytes]) -> Iterator[Chunk]:
    for chunk in from_anthropic(splitter, parts):
        chunk.source = None
        yield chunk


@pytest.mark.parametrize("read", [from_openai, from_anthropic, without_source])
def test_split_at_every_byte(read) -> None:  # type: ignore[no-untyped-def]
    raw = openai_bytes() if read is from_openai else anthropic_bytes()
    for place in range(len(raw) + 1):
        blocks = blocks_of(sent(read(Splitter(), (raw[:place], raw[place:])), record()))
        told = [(block["type"], block["json"] or block.get("text")) for block in blocks]
        assert told == [("tool_use", ARGUMENTS), ("text", "ok")], place
