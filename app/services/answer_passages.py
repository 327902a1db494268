"""The way of an answer through a search: events held back as long as they must be, and signs of life."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

from app.domain.calls import HEARTBEAT, Chunk
from app.domain.guardrails.answer_plans import PLACEHOLDERS
from app.domain.guardrails.automaton import Automaton
from app.domain.guardrails.carriers import Carriers, quiet
from app.domain.guardrails.guarding import Guarding
from app.domain.guardrails.holding import Holding, Out
from app.domain.guardrails.masks import PLACEHOLDER
from app.domain.guardrails.spoken import Piece, Spoken
from app.domain.guardrails.window import Cut, JsonWindow, Search, Window
from app.domain.records import Record

HEARTBEAT_SECONDS = 10.0
Json = dict[str, Any]
Passed = tuple[Chunk, list[tuple[Piece, str]]]
Chunks = Generator[Chunk, None, None]


class Passage:
    """One way through which an answer passes: searched, and held back as long as it must be."""

    def __init__(
        self, record: Record, automaton: Automaton | None, search: Search, *, all_back: bool = False
    ) -> None:
        self._record, self._automaton, self._search = record, automaton, search
        self._carriers = Carriers(record)
        self._holding: Holding[Chunk] = Holding(self._window, all_back=all_back)
        self._has_begun = False
        self._said_at = time.monotonic()

    def read(self, chunk: Chunk) -> tuple[Json, Spoken, bool]:
        """Return what a chunk says."""
        return self._carriers.read(chunk)

    def take(self, chunk: Chunk, event: Json, spoken: Spoken, can_split: bool) -> Iterator[Passed]:
        """Yield what may go out once a chunk has come."""
        for out in self._holding.take(chunk, event, spoken, can_split=can_split):
            yield self._passed(out)

    def finish(self) -> Iterator[Passed]:
        """Yield what is left at the end."""
        for out in self._holding.finish():
            yield self._passed(out)

    @property
    def may_beat(self) -> bool:
        """Say whether a heartbeat may stand in the answer."""
        return self._record.streamed and not self._record.forwards

    def sign_of_life(self) -> Iterator[Chunk]:
        """Yield who speaks where the first words are held back, later a heartbeat where it is time."""
        if not self.may_beat or not self._holding.waits:
            return
        if not self._has_begun:
            self._has_begun, event = True, self._holding.open()
            if event is not None:
                yield Chunk(event)
        elif time.monotonic() - self._said_at >= HEARTBEAT_SECONDS:
            self._said_at = time.monotonic()
            yield HEARTBEAT

    def _window(self, piece: Piece) -> Window:
        search = quiet(self._search) if piece.again else self._search
        return (JsonWindow if piece.is_json else Window)(self._automaton, search)

    def _passed(self, out: Out[Chunk]) -> Passed:
        self._has_begun, self._said_at = True, time.monotonic()
        return self._carriers.write(out, self._search), out.texts


def restored(chunks: Chunks, record: Record, guarding: Guarding) -> Chunks:
    """Yield the answer with what placeholders stand for; only the client gets to see it."""

    def search(text: str, start: int, floor: int, *, counts: bool = True) -> list[Cut]:
        found = [match for match in PLACEHOLDER.finditer(text, start) if match[0] in guarding.vault]
        return [
            Cut(match.start(), match.end(), guarding.vault[match[0]])
            for match in found
            if match.end() > floor
        ]

    passage = Passage(record, PLACEHOLDERS, search)
    with closing(chunks):
        for chunk in chunks:
            if chunk.data is None and not chunk.raw:
                yield chunk
                continue
            passed = list(passage.take(chunk, *passage.read(chunk)))
            yield from (told for told, _ in passed)
            if not passed:
                yield from passage.sign_of_life()
        yield from (told for told, _ in passage.finish())
