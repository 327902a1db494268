"""Whatever RE2 finds was under way in the automaton from its first character to its last."""

from __future__ import annotations

import random

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.guardrails import automaton as automata
from app.domain.guardrails.automaton import Automaton, seen_as
from app.domain.guardrails.shapes import Unreadable

PATTERNS = [
    r"AKIA[0-9A-Z]{16}", r"\b[\w.+-]+@[\w-]+(\.[\w-]+)+\b", r"(?:\d[ -]?){13,19}", r"(?i)bearer\s+\S{8,}",
    r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}", r"colou?r|gr[ae]y", r"(?i:straße)\d+", r"^foo$", r"(?m)^x{2,}$",
    r"a.{0,3}b", r"(?s)a.{0,3}b",
    r"[^a-z]{2}z", r"[]x]+y", r"[\w-]+\x41\x{42}", r"\pL+1", r"[[:alpha:]]+7",
    r"(a|b(c|d)*)+e", r"x{2}y{2,}z{0,2}w", r"(?P<name>ab){2,3}?", r"\$\{\w+\}", r"a{,2}b", r"(?i)k\d",
    r"\W\D\S!",
    r"\b[a-z]{2} ?\d", r"(?:\bk\w|x)+\b", r"(?i)\b(?:ab|\bk) ?x",
]  # fmt: skip
TEXT = st.text(st.sampled_from("aAbBcdeE xyzwfo019-@.,:!AKI\n\tkK\u212asſßäß$ {}[]\u200bﬁ４"), max_size=40)


def alive(automaton: Automaton, text: str) -> list[tuple[bool, bool]]:
    """Return after each character whether a match may be under way, and whether one may have ended."""
    state, found = automaton.start, []
    for char in text:
        state = state[char]
        found.append((not state.quiet, state.accepts))
    return found


def check(automaton: Automaton, pattern: str, text: str) -> None:
    seen = alive(automaton, text)
    for match in re2.finditer(pattern, text):
        start, end = match.span()
        assert all(live for live, _ in seen[start:end]) and seen[end - 1][1], (pattern, text, start, end)


@given(st.sampled_from(PATTERNS), TEXT)
@settings(max_examples=250, deadline=None)
def test_a_match_is_under_way_from_its_first_character_to_its_last(pattern: str, text: str) -> None:
    check(Automaton([pattern]), pattern, text)
    check(Automaton(PATTERNS, ["grün"]), pattern, text)


ATOMS = st.sampled_from(
    ["a", "b", "[ab]", "[^a]", ".", r"\d", r"\W", r"\b", "^", "$", "k", "(?i:K)", r"\x61"]
)
PIECES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "{0,2}?"])).map(
            lambda two: f"(?:{two[0]}){two[1]}"
        ),
    ),
    max_leaves=6,
)


@given(PIECES, st.text(st.sampled_from("aAbk1 K\u212a\n"), max_size=12))
@settings(max_examples=250, deadline=None)
def test_so_is_a_match_of_any_pattern_that_can_be_read(pattern: str, text: str) -> None:
    try:
        automaton = Automaton([pattern])
    except Unreadable:
        return
    check(automaton, pattern, text)


def test_words_are_compared_folded() -> None:
    automaton = Automaton(words=["Straße", "Voldemort"])
    assert alive(automaton, "STRASSE")[-1] == (True, True)
    assert alive(automaton, "strasse!")[-1] == (False, False)
    assert all(live for live, _ in alive(automaton, "ＶＯＬ\u200bdemort")) and seen_as("\u200b") == ""


def test_plain_talk_leaves_nothing_under_way() -> None:
    automaton = Automaton([r"AKIA[0-9A-Z]{16}", r"\d{4} \d{4}"], ["Voldemort"])
    text = "Look: this holds nothing, 12 or 3000 of it."
    seen = alive(automaton, text)
    assert not any(ended for _, ended in seen) and sum(live for live, _ in seen) < 10 and not seen[-1][0]


def test_no_match_begins_inside_a_word_where_only_its_edge_will_do() -> None:
    pattern = r"(?i)\b[a-z]{3} ?[a-z]{3} ?\d{2}\b"
    text = "the quick brown fox jumps over"
    assert not all(live for live, _ in alive(Automaton([pattern]), text)[10:16])
    check(Automaton([pattern]), pattern, "see abc def 12, \u017fabc12 x\u00adabc def34 4abcdef12")


@pytest.mark.parametrize("pattern", ["a*", "(?:)", r"\Qa.b\E", r"\Ca", "^$", "(" * 60 + "a" + ")" * 60])
def test_what_cannot_be_bounded_is_told(pattern: str) -> None:
    with pytest.raises(Unreadable):
        Automaton([pattern])


def test_large_counts_are_left_out_rather_than_refused() -> None:
    pattern = r"(?:ab{900}){900}c"
    assert alive(Automaton([pattern]), "abbbabc")[-1] == (True, True)
    check(Automaton([r"a{999}"]), r"a{999}", "a" * 1200)


def test_it_gives_up_on_a_text_that_takes_too_much_and_says_that_a_match_may_be_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(automata, "MOST_EFFORT", 2_000)
    pattern, text = r"a.{0,100}z|b", "ab" * 300 + " " * 200
    automaton = Automaton([pattern])
    check(automaton, pattern, text)
    assert alive(automaton, text)[-1][0]
    automaton.effort = 0
    assert not alive(automaton, "c" * 20)[-1][0]


def test_a_pattern_with_too_many_states_counts_as_under_way_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automata, "MOST_TRANSITIONS", 100)
    pattern = "[ab]*a[ab]{12}"
    automaton = Automaton([pattern])
    text = "".join(random.Random(5).choices("ab", k=3_000))
    check(automaton, pattern, text)
    assert alive(automaton, "  ")[-1][0]
