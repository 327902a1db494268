"""The pieces of a chat stream as content blocks, each opened, filled and closed before the next begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.domain.messages.answer import is_thought, pictures_of, text_of, use_id

Json = dict[str, Any]
Key = tuple[str, int]
THINKING: Key = ("thinking", 0)
TEXT: Key = ("text", 0)


@dataclass(frozen=True, slots=True)
class Piece:
    """What one chunk adds to one block. `block` opens it, `delta` fills it; an empty delta adds nothing."""

    key: Key
    block: Json
    delta: Json = field(default_factory=dict)


class Blocks:
    """Writes the events of content blocks. Tools that a provider interleaves wait for their turn."""

    def __init__(self) -> None:
        self.uses_tools = False
        self._index = -1
        self._open: Key | None = None
        self._closed: set[Key] = set()  # tools only: text and thoughts may begin anew
        self._arguments: list[str] = []  # of the open tool
        self._waiting: dict[Key, list[Piece]] = {}

    def add(self, delta: Json) -> Iterator[Json]:
        """Yield the events of what one chunk adds."""
        for piece in pieces(delta, self._open == THINKING):
            if piece.key == self._open:
                yield from self._fill(piece)
            elif piece.key in self._closed:  # its JSON was whole: only blanks can follow
                continue
            elif self._waiting or not self._may_end() or not is_named(piece):
                self._waiting.setdefault(piece.key, []).append(piece)
            else:
                yield from self._begin([piece])

    def finish(self) -> Iterator[Json]:
        """Yield the events of what still waits, and close the last block."""
        for pieces_of_one in self._waiting.values():
            yield from self._begin(pieces_of_one)
        self._waiting = {}
        yield from self._end()

    def _begin(self, of_one: list[Piece]) -> Iterator[Json]:
        """Open a block, and fill it with what came of it so far."""
        yield from self._end()
        first = next((piece for piece in of_one if is_named(piece)), of_one[0])
        self._index, self._open = self._index + 1, first.key
        self.uses_tools = self.uses_tools or first.key[0] == "tool"
        yield {"type": "content_block_start", "index": self._index, "content_block": opened(first, of_one)}
        for piece in of_one:
            yield from self._fill(piece)

    def _fill(self, piece: Piece) -> Iterator[Json]:
        if piece.delta:
            self._arguments.append(piece.delta.get("partial_json", ""))
            yield {"type": "content_block_delta", "index": self._index, "delta": piece.delta}
            if "signature" in piece.delta:  # whatever is thought after it is a block of its own
                yield from self._end()

    def _end(self) -> Iterator[Json]:
        if self._open is not None:
            yield {"type": "content_block_stop", "index": self._index}
            self._closed.update({self._open} if self._open[0] == "tool" else ())
        self._open, self._arguments = None, []

    def _may_end(self) -> bool:
        """Say whether the open block can be whole: a tool's arguments must be."""
        if self._open is None or self._open[0] != "tool":
            return True
        try:
            orjson.loads("".join(self._arguments))
        except orjson.JSONDecodeError:
            return False
        return True


def opened(piece: Piece, of_one: list[Piece]) -> Json:
    """Return the block as it is opened; a tool's id can have come before its name."""
    if piece.key[0] != "tool":
        return piece.block
    return {**piece.block, "id": use_id(next((one.block["id"] for one in of_one if one.block["id"]), ""))}


def is_named(piece: Piece) -> bool:
    """Say whether the piece tells enough to open its block: a tool needs its name."""
    return piece.key[0] != "tool" or bool(piece.block["name"])


def pieces(delta: Json, thinks: bool) -> Iterator[Piece]:
    """Yield what a delta adds, block by block. `thinks`: the thoughts of the open block came already."""
    yield from thoughts(delta, thinks)
    text = (text_of(delta.get("content")) or text_of(delta.get("refusal"))) + pictures_of(delta)
    if text:
        yield Piece(TEXT, {"type": "text", "text": ""}, {"type": "text_delta", "text": text})
    calls = delta.get("tool_calls")
    for place, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict):
            yield tool_piece(call, place)


def thoughts(delta: Json, thinks: bool) -> Iterator[Piece]:
    """Yield thoughts: text as it comes, whole blocks with their signatures, hidden ones by themselves."""
    text, given = text_of(delta.get("reasoning_content")), delta.get("thinking_blocks")
    blocks = [block for block in given if is_thought(block)] if isinstance(given, list) else []
    if text and not blocks:
        yield thought({"type": "thinking_delta", "thinking": text})
    for place, block in enumerate(blocks):
        if block["type"] == "redacted_thinking":
            yield Piece(("redacted", hash(block.get("data"))), block)
            continue
        if block.get("thinking") and not (thinks and place == 0 and not text):
            yield thought({"type": "thinking_delta", "thinking": str(block["thinking"])})
        if block.get("signature"):
            yield thought({"type": "signature_delta", "signature": str(block["signature"])})


def thought(delta: Json) -> Piece:
    """Return a piece of the thoughts."""
    return Piece(THINKING, {"type": "thinking", "thinking": "", "signature": ""}, delta)


def tool_piece(call: Json, place: int) -> Piece:
    """Return a piece of a tool call; one without an index is told apart by its place."""
    index, function = call.get("index"), call.get("function")
    named = function if isinstance(function, dict) else {}
    arguments = named.get("arguments")
    block = {
        "type": "tool_use",
        "id": str(call.get("id") or ""),
        "name": str(named.get("name") or ""),
        "input": {},
    }
    delta = {"type": "input_json_delta", "partial_json": arguments} if is_text(arguments) else {}
    return Piece(("tool", index if isinstance(index, int) else place), block, delta)


def is_text(value: Any) -> bool:
    """Say whether a value is a text that is not empty."""
    return isinstance(value, str) and value != ""
