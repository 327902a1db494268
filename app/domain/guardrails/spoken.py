"""Where the texts of an answer stand in its events, in the three dialects: chat, messages, responses.

Texts that come in pieces have a key; pieces of the same key are one text. Every other text is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from app.domain.chat import choices_of, whole_number
from app.domain.forwarding import CHAT, MESSAGES, RESPONSES

Json = dict[str, Any]
Path = tuple[str | int, ...]
Key = tuple[str | int, ...]
# Names, kinds and what only machines read: no words of the model's, or not to be touched.
NO_TEXT = frozenset(
    {
        "role", "type", "id", "index", "name", "object", "status", "model", "format", "call_id", "item_id",
        "tool_use_id", "signature", "encrypted_content", "encrypted_index", "data", "b64_json", "images",
        "image_url",
        "obfuscation", "finish_reason", "native_finish_reason", "stop_reason", "logprobs", "usage",
        "created", "created_at", "system_fingerprint", "service_tier", "instructions", "tools", "metadata",
        "container", "media_type", "partial_image_b64", "cache_control", "server_label",
        "previous_response_id", "phase", "sluice", "safety_identifier", "prompt_cache_key", "user",
    }
)  # fmt: skip
JSON_TEXTS = frozenset({"arguments", "partial_json"})
WHOLE_TEXTS = frozenset({"thinking_blocks", "annotations"})  # never in pieces; thoughts were told before
TOLD = frozenset({"reasoning_content", "thinking", "partial_json", "text"})
ALL: Key = ()


@dataclass(slots=True)
class Piece:
    """One text in one event. `key` empty: it is whole. `again`: it repeats what came in pieces."""

    path: Path
    text: str
    key: Key = ()
    is_json: bool = False
    again: bool = False
    start: int = 0  # where it begins in its text
    group: int = 0  # of several answers the one that it belongs to

    @property
    def is_answer(self) -> bool:
        """Say whether it is of the answer itself: no thought, no tool's arguments."""
        path, name = self.path, self.path[-1]
        if name == "text":
            return path == ("delta", "text") or "content" in path or "content_block" in path
        return name == "content" or (name == "delta" and self.key[1:2] == ("response.output_text",))

    @property
    def is_told(self) -> bool:
        """Say whether it is of what the model said, which is what a log keeps."""
        return not self.again and (self.is_answer or self.path[-1] in TOLD or self.path == ("delta",))


@dataclass(slots=True)
class Spoken:
    """The texts of one event. `closes`: the beginnings of the keys whose texts are at their end."""

    pieces: list[Piece]
    closes: tuple[Key, ...] = ()


def chat_spoken(data: Json) -> Spoken:
    """Read a chunk of a chat, or a whole completion. Its texts end with it: some finish in every chunk."""
    pieces: list[Piece] = []
    choices = data.get("choices")
    for place, choice in enumerate(choices if isinstance(choices, list) else ()):
        if isinstance(choice, dict):
            pieces += choice_pieces(choice, ("choices", place))
    for name, value in data.items():
        if name not in NO_TEXT and not (name == "choices" and isinstance(value, list)):
            pieces += wholes(value, (name,))
    return Spoken(pieces)


def choice_pieces(choice: Json, path: Path) -> Iterator[Piece]:
    """Yield the texts of one choice: what it says, and what else stands beside that."""
    group = whole_number(choice.get("index"))
    for name in ("delta", "message"):
        yield from delta_pieces(choice.get(name), (*path, name), (group,))
    for name, value in choice.items():
        if name not in ("delta", "message") and name not in NO_TEXT:
            yield from delta_pieces(value, (*path, name), (group, name))


def delta_pieces(value: Any, path: Path, key: Key) -> Iterator[Piece]:
    """Yield the texts of a delta; a list's items are told apart by their index."""
    if isinstance(value, str) and value:
        yield Piece(path, value, key, is_json=path[-1] in JSON_TEXTS, group=group_of(key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            index = item.get("index", place) if isinstance(item, dict) else place
            yield from delta_pieces(item, (*path, place), (*key, whole_number(index)))
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in WHOLE_TEXTS:
                yield from wholes(inner, (*path, name), again=name == "thinking_blocks")
            elif name not in NO_TEXT:
                yield from delta_pieces(inner, (*path, name), (*key, name))


def group_of(key: Key) -> int:
    """Return the choice that a text belongs to."""
    return whole_number(key[0])


def wholes(value: Any, path: Path, *, again: bool = False, is_open: bool = False) -> Iterator[Piece]:
    """Yield every text in a value, each for itself. `is_open`: its names are anybody's own, so all count."""
    if isinstance(value, str) and value:
        yield Piece(path, value, is_json=path[-1] in JSON_TEXTS and not is_open, again=again)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if is_open or name not in NO_TEXT:
                inside = is_open or name == "input"
                yield from wholes(inner, (*path, name), again=again, is_open=inside)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from wholes(item, (*path, place), again=again, is_open=is_open)


def message_spoken(event: Json) -> Spoken:
    """Read an event of a message's stream, or a whole message; texts of several blocks are one."""
    kind, index = event.get("type"), whole_number(event.get("index"))
    delta, block = event.get("delta"), event.get("content_block")
    if kind == "content_block_delta" and isinstance(delta, dict):
        return Spoken(list(block_pieces(delta, index, ("delta",))))
    if kind == "content_block_start" and isinstance(block, dict):
        return Spoken(list(block_pieces(block, index, ("content_block",))))
    if kind == "content_block_stop":
        return Spoken([], ((0, "input", index),))
    ends = kind == "message_stop" or (isinstance(delta, dict) and bool(delta.get("stop_reason")))
    return Spoken(list(wholes(event, ())), (ALL,) if ends or kind == "message" else ())


def block_pieces(part: Json, index: int, path: Path) -> Iterator[Piece]:
    """Yield the texts of a block that opens, or of what is added to it."""
    kind = part.get("type")
    for name, value in part.items():
        if name in NO_TEXT or value == "":
            continue
        if not isinstance(value, str):
            yield from wholes(value, (*path, name), is_open=name == "input")
        elif name in ("text", "thinking"):
            yield Piece((*path, name), value, (0, name))
        elif name == "partial_json":
            yield Piece((*path, name), value, (0, "input", index), is_json=True)
        else:
            yield Piece((*path, name), value, (0, "other", index, str(kind), name))


def response_spoken(event: Json) -> Spoken:
    """Read an event of a response's stream, or a whole response."""
    kind = str(event.get("type"))
    if "audio" in kind and "transcript" not in kind:
        return Spoken([])
    where = tuple(
        event[name] if isinstance(event.get(name), int | str) else 0
        for name in ("output_index", "content_index", "summary_index")
    )
    if kind.endswith(".delta") and isinstance(event.get("delta"), str):
        key = (where[0], kind.removesuffix(".delta"), *where[1:])
        return Spoken([Piece(("delta",), event["delta"], key, is_json="arguments" in kind)])
    is_whole = event.get("object") == "response"
    pieces = [piece for piece in wholes(event, (), again=not is_whole) if is_said(piece.path, is_whole)]
    if kind.removeprefix("response.") in ENDS or is_whole:
        return Spoken(pieces, (ALL,))
    if kind.endswith("output_item.done"):
        return Spoken(pieces, ((where[0],),))
    closes = (where[0], kind.removesuffix(".done"), *where[1:])
    return Spoken(pieces, (closes,) if kind.endswith(".done") else ())


def is_said(path: Path, is_whole: bool) -> bool:
    """Say whether a text in a response's event is the model's: a response repeats most of its request."""
    return not ((is_whole and path[0] in ECHOED) or (path[0] == "response" and path[1] in ECHOED))


ENDS = ("completed", "incomplete", "failed")
ECHOED = frozenset({"text", "reasoning", "tool_choice", "truncation", "prompt", "error", "include"})
SPOKEN: dict[str, Callable[[Json], Spoken]] = {
    CHAT: chat_spoken,
    MESSAGES: message_spoken,
    RESPONSES: response_spoken,
}


def with_text(value: Any, path: Path, text: str) -> Any:
    """Return the value with another text at a path; what is on the way is copied, the rest shared."""
    if not path:
        return text
    copy = value.copy()
    copy[path[0]] = with_text(value[path[0]], path[1:], text)
    return copy


def at(value: Any, path: Path) -> Any:
    """Return what stands at a path."""
    for name in path:
        value = value[name]
    return value


def opening(event: Json) -> Json:
    """Return what can be said at once of a chat's first chunk: who speaks, but no word of it."""
    choices = [
        {
            "index": choice.get("index", 0),
            "delta": {"role": "assistant", "content": ""},
            "finish_reason": None,
        }
        for choice in choices_of(event)
    ]
    return {**event, "choices": choices}


def continued(event: Json) -> Json:
    """Return a chat's chunk as a later one: who speaks was said."""
    choices = [
        {**choice, "delta": {name: value for name, value in choice["delta"].items() if name != "role"}}
        if isinstance(choice.get("delta"), dict)
        else choice
        for choice in choices_of(event)
    ]
    return {**event, "choices": choices}


def is_plain(event: Json, spoken: Spoken) -> bool:
    """Say whether a chat's chunk adds to one text and does nothing else: then it can be said in two parts."""
    if len(spoken.pieces) != 1 or spoken.closes or len(spoken.pieces[0].path) != 4:
        return False
    path = spoken.pieces[0].path
    delta = at(event, path[:3])
    if at(event, path[:2]).get("logprobs"):
        return False
    return path[2] == "delta" and not any(delta[name] for name in delta if name not in ("role", path[3]))


def without_tokens(value: Any) -> Any:
    """Return the event without the tokens that an answer was made of: they tell what was taken out."""
    if isinstance(value, dict):
        return {
            name: emptied(inner) if name in ("logprobs", "signature") else without_tokens(inner)
            for name, inner in value.items()
        }
    return [without_tokens(item) for item in value] if isinstance(value, list) else value


def emptied(value: Any) -> Any:
    """Return nothing, in the form of the value."""
    return [] if isinstance(value, list) else "" if isinstance(value, str) else None
