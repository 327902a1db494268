"""What comes in one read leaves in one piece, and nothing of it waits for the next read (streams)."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from importlib import import_module
from typing import Any

import pytest

from app.domain import session_turns, streams
from app.domain.calls import FLUSH, Cancellation, Chunk, Upstream
from app.domain.dialects import BY_NAME
from app.domain.forwarding import CHAT, Request, Route
from app.domain.plugin_turns import Turn
from app.domain.raw_events import RawSplitter
from app.domain.record_parts import Session, Slot
from app.domain.records import Record
from app.domain.sse import Splitter
from app.providers import anthropic, openai
from app.providers.events import EventReader
from app.services import answer_cache
from app.services.plugin_rounds import Shown, passed
from tests.services.guarded_answers import passing, record_of
from tests.upstream_replies import anthropic_events, openai_events, text_block

WORDS = [f"word{number}. " for number in range(24)]
CUTS = (1, 2, 9, 10, 14, 15, 21)
GUARDS: dict[str, Any] = {
    "secrets": {"action": "mask"},
    "pii": {"action": "mask"},
    "keywords": {"action": "block", "words": ["mordor"]},
}
VAULT = {"[[EMAIL_001]]": "ann@example.com"}
Chunks = Generator[Chunk, None, None]


class Pausing:
    """An answer in a few reads; at each, `wait` is told how many events have come whole."""

    until = math.inf

    def __init__(self, events: list[bytes], wait: Callable[[int], None]) -> None:
        edges = [0, *(cut for cut in CUTS if cut < len(events)), len(events)]
        self._reads = [b"".join(events[a:b]) for a, b in zip(edges, edges[1:], strict=False)]
        self._came = edges
        self._wait = wait

    def read_some(self, until: float) -> bytes:
        self._wait(self._came.pop(0) if self._came else 0)
        return self._reads.pop(0) if self._reads else b""

    def finish(self) -> None:
        pass

    close = finish


def plain(chunks: Chunks, record: Record) -> Chunks:
    return record.follow(chunks)


def guarded(chunks: Chunks, record: Record) -> Chunks:
    return passing(chunks, record, GUARDS)


def restored(chunks: Chunks, record: Record) -> Chunks:
    return passing(chunks, record, GUARDS, dict(VAULT))


def in_session(chunks: Chunks, record: Record) -> Chunks:
    record.session = Session("s1", [])
    return session_turns.listen(record.follow(chunks), record)


def with_tools(chunks: Chunks, record: Record) -> Chunks:
    return record.follow(passed(chunks, Turn({"search"}), record, Shown()))


def cached(chunks: Chunks, record: Record) -> Chunks:
    record.slot = Slot("k", 60)
    return record.follow(answer_cache.keep(chunks, record))


LAYERS = (plain, guarded, restored, in_session, with_tools, cached)


def reading(upstream: str, answer: Any, record: Record) -> Iterator[Chunk]:
    """Return the chunks as the adapter of the upstream's dialect reads them."""
    where = Upstream("up", upstream, "http://up", "m")
    splitter: Any = RawSplitter() if record.forwards else Splitter()
    reader: Any = EventReader(answer, where, Cancellation(), splitter)
    assert not reader.looks_like_json()
    if record.forwards:
        request = Request(Route(CHAT, "chat/completions"), "", {}, b"", False)
        forwarded: Iterator[Chunk] = import_module("app.providers.forward").read_stream(reader, request)
        return forwarded
    return (openai if upstream == "openai" else anthropic).read_stream(reader)


def events_of(upstream: str) -> list[bytes]:
    return list(openai_events(*WORDS) if upstream == "openai" else anthropic_events(text_block(*WORDS)))


def as_the_pipeline_ends(chunks: Iterable[Chunk], settle: Callable[[], None]) -> Iterator[Chunk]:
    yield from chunks
    yield FLUSH
    settle()


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(
    ("upstream", "dialect"),
    [
        ("openai", "openai"), ("openai", "native"), ("openai", "anthropic"), ("openai", "responses"),
        ("anthropic", "openai"), ("anthropic", "anthropic"), ("anthropic", "responses"), ("openai", "raw"),
    ],
)  # fmt: skip
def test_nothing_that_came_is_held_back_while_more_is_waited_for(
    upstream: str, dialect: str, layer: Callable[[Chunks, Record], Chunks]
) -> None:
    is_raw = dialect == "raw"
    record = record_of("openai" if is_raw else dialect, forwards=is_raw)
    events, sent, waits = events_of(upstream), list[bytes](), 0

    def check(count: int) -> None:
        nonlocal waits
        waits += 1
        came, out = b"".join(events[:count]), b"".join(sent)
        assert [word for word in WORDS if word.encode() in came and word.encode() not in out] == []

    answer = Pausing(events, check)
    chunks = layer((chunk for chunk in reading(upstream, answer, record)), record)
    write = streams.raw_events if is_raw else streams.events
    ended = as_the_pipeline_ends(chunks, lambda: check(len(events)))
    for piece in write(ended, BY_NAME[record.call.dialect], record):
        sent.append(piece)
    assert waits >= len(CUTS) and all(word.encode() in b"".join(sent) for word in WORDS)
    assert len(sent) <= len(CUTS) + 3  # a piece for each read, the first words alone, and the end


def test_what_came_goes_out_before_the_error_that_follows_it() -> None:
    record = record_of("openai")
    events = [*openai_events(*WORDS[:12], finish=None, usage=None, done=False), b"data: {oops\n\n"]
    answer = Pausing(events, lambda count: None)
    chunks = record.follow(chunk for chunk in reading("openai", answer, record))
    out = b"".join(streams.events(chunks, BY_NAME["openai"], record))
    assert all(word.encode() in out for word in WORDS[:12]) and b"error" in out.split(b"\n\n")[-2]
