"""Holds the events of an answer back, in their order, while a text in them may still belong to a match.

What is clear goes out as it came, byte for byte; where something was replaced, the event is written anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Generic, TypeVar

from app.domain.guardrails.spoken import (
    Key,
    Path,
    Piece,
    Spoken,
    continued,
    opening,
    with_text,
    without_tokens,
)
from app.domain.guardrails.window import Window

Json = dict[str, Any]
T = TypeVar("T")
LEAST_SPLIT = 16  # characters: for less, an event is not cut in two


@dataclass(slots=True)
class Held(Generic[T]):
    """An event that waits: `carrier` is what it came in. `rewritten`: a part of it is out already."""

    carrier: T
    event: Json
    pieces: list[Piece]
    can_split: bool
    rewritten: bool = False


@dataclass(frozen=True, slots=True)
class Out(Generic[T]):
    """An event that goes out. `event`: as it is told now; `texts`: those in it, and where they stand."""

    carrier: T
    event: Json
    changed: bool
    texts: list[tuple[Piece, str]]


class Holding(Generic[T]):
    """The events of one answer. `all_back`: from the first text on, nothing goes out before `finish`."""

    def __init__(self, new_window: Callable[[Piece], Window], *, all_back: bool = False) -> None:
        self._new_window = new_window
        self._windows: dict[Key, Window] = {}
        self._queue: deque[Held[T]] = deque()
        self._all_back = all_back
        self._numbers = count()
        self._unsigned: set[int] = set()  # blocks whose thoughts were changed: their signature is void

    def take(self, carrier: T, event: Json, spoken: Spoken, *, can_split: bool = False) -> Iterator[Out[T]]:
        """Add an event; yield those that may go out."""
        for piece in spoken.pieces:
            if piece.key:
                self._feed(piece)
            else:
                self._swallow(piece)
        self._queue.append(Held(carrier, event, spoken.pieces, can_split))
        for key in spoken.closes:
            self._close(key)
        return self._release()

    def finish(self) -> Iterator[Out[T]]:
        """The answer has come to its end: yield what is left."""
        self._close(())
        self._all_back = False
        return self._release()

    @property
    def waits(self) -> bool:
        """Say whether anything is held back."""
        return bool(self._queue)

    def open(self) -> Json | None:
        """Return what can be said of a chat's first event while it waits: who speaks. Else None."""
        if len(self._queue) != 1 or "choices" not in self._queue[0].event:
            return None
        [held] = self._queue
        first = opening(held.event)
        held.event, held.rewritten = continued(held.event), True
        return first

    def _feed(self, piece: Piece) -> None:
        window = self._windows.get(piece.key)
        if window is None:
            window = self._windows[piece.key] = self._new_window(piece)
        for key, other in self._windows.items():
            if other is not window and key[0] == piece.key[0] and other.waits:
                other.give_way(len(piece.text))
        piece.start = window.fed
        window.feed(piece.text)

    def _swallow(self, piece: Piece) -> None:
        piece.key = ("whole", next(self._numbers))
        window = self._windows[piece.key] = self._new_window(piece)
        window.swallow(piece.text)

    def _close(self, key: Key) -> None:
        for one, window in self._windows.items():
            if one[: len(key)] == key and window.waits:
                window.finish()

    def _release(self) -> Iterator[Out[T]]:
        while self._queue and not (self._all_back and self._queue[0].pieces):
            held = self._queue[0]
            if not all(self._is_free(piece) for piece in held.pieces):
                yield from self._split(held)
                return
            self._queue.popleft()
            yield self._told(held)

    def _is_free(self, piece: Piece) -> bool:
        return self._windows[piece.key].free >= piece.start + len(piece.text)

    def _split(self, held: Held[T]) -> Iterator[Out[T]]:
        """Yield the beginning of an event's text, where the rest alone has to wait."""
        if not held.can_split or len(held.pieces) != 1:
            return
        [piece] = held.pieces
        size = self._windows[piece.key].free - piece.start
        if size < LEAST_SPLIT:
            return
        first = Piece(piece.path, piece.text[:size], piece.key, start=piece.start)
        piece.text, piece.start = piece.text[size:], piece.start + size
        told = self._told(Held(held.carrier, with_text(held.event, first.path, first.text), [first], True))
        held.event, held.rewritten = continued(with_text(held.event, piece.path, piece.text)), True
        yield Out(told.carrier, without_tokens(told.event), True, told.texts)

    def _told(self, held: Held[T]) -> Out[T]:
        event, masked, texts = held.event, False, []
        for piece in held.pieces:
            window = self._windows[piece.key]
            text = window.told(piece.start, piece.text)
            if piece.key[0] == "whole":
                del self._windows[piece.key]
            if text != piece.text:
                event, masked = with_text(event, piece.path, text), True
                self._void(held.event, piece.path)
            texts.append((piece, text))
        masked = masked or (signs(held.event) and held.event.get("index") in self._unsigned)
        return Out(held.carrier, without_tokens(event) if masked else event, masked or held.rewritten, texts)

    def _void(self, event: Json, path: Path) -> None:
        if path[-1] == "thinking" and isinstance(event.get("index"), int):
            self._unsigned.add(event["index"])


def signs(event: Json) -> bool:
    """Say whether an event of a message signs the thoughts before it."""
    delta = event.get("delta")
    return isinstance(delta, dict) and "signature" in delta
