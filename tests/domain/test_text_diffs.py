"""Two answers compared word by word."""

from __future__ import annotations

from app.domain.text_diffs import MOST_WORDS, compare_words
from app.domain.version_diffs import Line


def test_words_that_came_and_went_are_marked_and_nothing_is_lost():
    before, after = "You get  a refund.\nGood bye", "You get a voucher.\nGood bye "
    pieces = compare_words(before, after)
    assert "".join(piece.text for piece in pieces if piece.mark != "+") == before
    assert "".join(piece.text for piece in pieces if piece.mark != "-") == after
    assert Line(" ", "You get") == pieces[0]
    assert Line("-", "  a refund.") in pieces


def test_texts_that_are_too_long_are_not_compared():
    assert compare_words("a " * (MOST_WORDS + 1), "b") is None
    assert compare_words("", "") == []
