"""Tells the tool calls that are ours from the client's own, in the chunks of one answer (R2).

A turn with calls of the client's goes to the client, and ours in it are dropped: it could not answer them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.domain.calls import Chunk
from app.domain.chat import choices_of, join, whole_number

Json = dict[str, Any]
UNFINISHED = frozenset({"length", "content_filter"})  # then a call may lack its end
MOST_KEPT = 100_000  # chunks of one turn: more are not kept, and then no tool is run
ONCE = ("id", "created", "system_fingerprint")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool of ours, as the model made it."""

    id: str
    name: str
    arguments: str


@dataclass(slots=True)
class Turn:
    """One answer of the model while it passes.

    `own`: the names of our tools; `shared`: what all chunks of a stream repeat.
    """

    own: Collection[str]
    shared: Json = field(default_factory=dict)
    later: bool = False  # not the first answer of its call
    _chunks: list[Json] = field(default_factory=list)
    _ours: set[int] = field(default_factory=set)  # the indexes of our calls in the stream
    _theirs: dict[int, int] = field(default_factory=dict)  # and of the client's: there, and as it sees them
    _ended: bool = False

    def take(self, chunk: Chunk) -> tuple[Chunk | None, Chunk | None]:
        """Return what of a chunk goes to the client, and what of it is kept; either may be nothing."""
        if chunk.data is None:
            return chunk, None
        if len(self._chunks) < MOST_KEPT:
            self._chunks.append(chunk.data)
        if not self.shared:
            self.shared = {
                name: chunk.data[name] for name in ("object", "model", *ONCE) if name in chunk.data
            }
        if self._ended:
            return None, chunk
        if is_whole(chunk.data):
            return self._take_whole(chunk)
        return self._take_piece(chunk)

    @property
    def message(self) -> Json:
        """Return the whole message of the model."""
        whole = self._chunks[0] if self._chunks and is_whole(self._chunks[0]) else join(self._chunks)
        choice = next(iter(choices_of(whole)), {})
        message = choice.get("message")
        return message if isinstance(message, dict) else {}

    @property
    def calls(self) -> list[ToolCall]:
        """Return the calls that are to be run: none while any is the client's, or the answer has no end."""
        if not self._ended:
            return []
        found = self.message.get("tool_calls")
        return [call_of(each) for each in found if self._is_ours(each)] if isinstance(found, list) else []

    @property
    def text(self) -> str:
        """Return what the model said beside its calls."""
        content = self.message.get("content")
        return content if isinstance(content, str) else ""

    def _take_whole(self, chunk: Chunk) -> tuple[Chunk | None, Chunk | None]:
        """Keep a whole answer that calls nothing but our tools; else show it without our calls."""
        calls = self.message.get("tool_calls")
        ours = [each for each in calls if self._is_ours(each)] if isinstance(calls, list) else []
        if not ours:
            return chunk, None
        if len(ours) == len(calls or ()) and chunk.finish_reason not in UNFINISHED:
            self._ended = True
            return None, chunk
        left = [each for each in calls or () if not self._is_ours(each)]
        return replace(chunk, data=with_calls(chunk.data or {}, left), source=None), None

    def _take_piece(self, chunk: Chunk) -> tuple[Chunk | None, Chunk | None]:
        """Keep the pieces of our calls, and the end of an answer that calls nothing else."""
        data, kept = self._sort_out(chunk.data or {})
        if chunk.finish_reason is not None and self._ours and not self._theirs:
            self._ended = chunk.finish_reason not in UNFINISHED
        if self._ended or (kept and chunk.finish_reason is None):
            if says_nothing(data):
                return None, chunk
            spoken = Chunk(data=self._as_one(unfinished(data)))
            return spoken, replace(chunk, data=pieces(kept), source=None)
        if data is chunk.data and not self.later:
            return chunk, None
        return replace(chunk, data=self._as_one(data), source=None), None

    def _sort_out(self, data: Json) -> tuple[Json, list[Json]]:
        """Return a chunk's data without our calls, the client's numbered from 0, and the pieces of ours."""
        kept: list[Json] = []
        choices: list[Json] = []
        for choice in choices_of(data):
            delta = choice.get("delta")
            calls = delta.get("tool_calls") if isinstance(delta, dict) else None
            if not isinstance(calls, list) or not isinstance(delta, dict):
                choices.append(choice)
                continue
            left = [each for each in map(self._place, calls) if each is not None]
            kept += [
                each
                for each in calls
                if isinstance(each, dict) and whole_number(each.get("index")) in self._ours
            ]
            rest = {name: value for name, value in delta.items() if name != "tool_calls"}
            choices.append({**choice, "delta": {**rest, **({"tool_calls": left} if left else {})}})
        return ({**data, "choices": choices}, kept) if self._ours else (data, [])

    def _place(self, piece: Any) -> Json | None:
        """Return a piece of a client's call with the number it has there; None for a piece of ours."""
        if not isinstance(piece, dict):
            return None
        index = whole_number(piece.get("index"))
        if index not in self._ours and index not in self._theirs:
            if name_of(piece) in self.own:
                self._ours.add(index)
            else:
                self._theirs[index] = len(self._theirs)
        return None if index in self._ours else {**piece, "index": self._theirs[index]}

    def _as_one(self, data: Json) -> Json:
        """Return a later answer's chunk as one of the first answer's stream: the same id, no second role."""
        if not self.later:
            return data
        same = {name: self.shared[name] for name in ONCE if name in self.shared}
        return {**data, **same, "choices": [without_role(choice) for choice in choices_of(data)]}

    def _is_ours(self, call: Any) -> bool:
        return isinstance(call, dict) and name_of(call) in self.own


def is_whole(data: Mapping[str, Any]) -> bool:
    """Say whether this is a whole completion rather than a piece of a stream."""
    return any("message" in choice for choice in choices_of(dict(data)))


def name_of(call: Mapping[str, Any]) -> str:
    """Return the name of the function that is called."""
    function = call.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else ""


def call_of(call: Json) -> ToolCall:
    """Return a call of ours."""
    arguments = call["function"].get("arguments")
    return ToolCall(str(call.get("id") or ""), name_of(call), arguments if isinstance(arguments, str) else "")


def with_calls(completion: Json, calls: list[Json]) -> Json:
    """Return a completion whose first choice makes these calls and no others."""
    first, *rest = choices_of(completion)
    message = {name: value for name, value in first["message"].items() if name != "tool_calls"}
    if calls:
        message["tool_calls"] = calls
    return {**completion, "choices": [{**first, "message": message}, *rest]}


def pieces(calls: list[Json]) -> Json:
    """Return pieces of calls as a chunk that nobody sees but the record."""
    return {"choices": [{"index": 0, "delta": {"tool_calls": calls}, "finish_reason": None}]}


def says_nothing(data: Json) -> bool:
    """Say whether nothing is left of a chunk for the client."""
    deltas = [choice.get("delta") for choice in choices_of(data)]
    return not any(value for delta in deltas if isinstance(delta, dict) for value in delta.values())


def unfinished(data: Json) -> Json:
    """Return a chunk's data as if the answer went on."""
    return {**data, "choices": [{**choice, "finish_reason": None} for choice in choices_of(data)]}


def without_role(choice: Json) -> Json:
    """Return a choice whose delta does not say again who speaks."""
    delta = choice.get("delta")
    if not isinstance(delta, dict):
        return choice
    return {**choice, "delta": {name: value for name, value in delta.items() if name != "role"}}
