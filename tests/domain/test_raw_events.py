"""Events keep their bytes, wherever the network cuts them and however their lines end (L12)."""

from __future__ import annotations

import pytest

from app.domain.raw_events import RawEvent, RawSplitter
from app.domain.sse import LineTooLong

EVENTS = [
    '\ufeffevent: one\nid: 7\ndata: {"a":"é"}\n\n',
    ": a comment\nretry: 10\n\n",
    "data: first\ndata: second\n\n",
    "data\n\n",
    "data: [DONE]\n\n",
]


def split(pieces: list[bytes]) -> list[RawEvent]:
    splitter = RawSplitter()
    return [event for piece in pieces for event in splitter.feed(piece)] + splitter.finish()


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_cut_at_every_byte_the_bytes_are_the_same_and_the_data_is_found(line_end: str) -> None:
    text = "".join(EVENTS).replace("\n", line_end).encode()
    whole = split([text])
    assert [event.data for event in whole] == ['{"a":"é"}'.encode(), None, b"first\nsecond", b"", b"[DONE]"]
    assert whole[0].name == "one"
    for cut in range(1, len(text)):
        found = split([text[:cut], text[cut:]])
        assert found == whole, cut
        assert b"".join(event.raw for event in found) == text
    assert split([bytes([byte]) for byte in text]) == whole


def test_an_event_that_never_ends_is_not_passed_on() -> None:
    assert [event.raw for event in split([b"data: a\n\ndata: half\n"])] == [b"data: a\n\n"]
    assert [event.data for event in split([b"data: a\n\ndata: [DONE]\n"])] == [b"a", b"[DONE]"]


def test_a_comment_is_passed_on_at_once() -> None:
    assert RawSplitter().feed(b": still thinking\n\n") == [RawEvent("", None, b": still thinking\n\n")]


def test_mixed_line_ends_and_empty_lines_in_a_row() -> None:
    text = b"\n\ndata: a\r\n\n\r\n\rdata: b\n\r\ndata: c\r\r"
    found = split([text])
    assert [event.data for event in found if event.data is not None] == [b"a", b"b", b"c"]
    assert b"".join(event.raw for event in found) == text


def test_a_block_without_end_is_refused() -> None:
    splitter = RawSplitter(limit=10)
    with pytest.raises(LineTooLong):
        for _ in range(5):
            splitter.feed(b": x\n" * 2)
