"""The SSE splitter gives the same events wherever the bytes are cut, and refuses what has no end."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.sse import Event, LineTooLong, Splitter

MESSY = (
    '\ufeff: hello\r\ndata: {"a":"ü"}\r\n\r\n'
    "event: ping\ndata: {}\n\n"
    "id: 7\rretry: 10\rdata:one\rdata: two\rdata\r\r"
    "event: lost\n\n"
    ": comment\n\n"
    'data: {"b":"\\n\\ndata: x"}\n\n'
    "data: [DONE]\n\n"
).encode()
EVENTS = [
    Event("", '{"a":"ü"}'.encode()),
    Event("ping", b"{}"),
    Event("", b"one\ntwo\n"),
    Event("", b'{"b":"\\n\\ndata: x"}'),
    Event("", b"[DONE]"),
]


def split(*parts: bytes) -> list[Event]:
    splitter = Splitter()
    events = [event for part in parts for event in splitter.feed(part)]
    return events + splitter.finish()


def test_a_whole_stream_becomes_its_events() -> None:
    assert split(MESSY) == EVENTS


@pytest.mark.parametrize("cut", range(len(MESSY) + 1))
def test_a_cut_at_any_byte_changes_nothing(cut: int) -> None:
    assert split(MESSY[:cut], MESSY[cut:]) == EVENTS


def test_one_byte_at_a_time_changes_nothing() -> None:
    assert split(*(MESSY[i : i + 1] for i in range(len(MESSY)))) == EVENTS


@given(st.lists(st.integers(0, len(MESSY)), max_size=12))
def test_any_cuts_change_nothing(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(MESSY)]
    assert split(*(MESSY[a:b] for a, b in zip(edges, edges[1:], strict=False))) == EVENTS


def test_the_last_event_counts_without_its_blank_line() -> None:
    assert split(b"data: 1\n\ndata: 2") == [Event("", b"1"), Event("", b"2")]


def test_a_comment_is_a_sign_of_life_and_no_event() -> None:
    splitter = Splitter()
    assert splitter.feed(b": processing\n\n") == []
    assert splitter.lines == 2


@pytest.mark.parametrize("size", [1, 16384, 1 << 22])
def test_a_line_without_end_is_refused_cheaply(size: int) -> None:
    splitter, started = Splitter(), time.process_time()
    with pytest.raises(LineTooLong):
        for _ in range((1 << 21) // size + 1):
            splitter.feed(b"x" * size)
    assert time.process_time() - started < 2.0


def test_data_lines_without_end_are_refused() -> None:
    splitter = Splitter(limit=1000)
    with pytest.raises(LineTooLong):
        for _ in range(20):
            splitter.feed(b"data: " + b"y" * 90 + b"\n")
