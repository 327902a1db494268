"""What a stream is made to say is what its whole text would be made to say, wherever it is cut."""

from __future__ import annotations

import json
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.guardrails.answer_plans import AnswerPlan, plan_of
from app.domain.guardrails.masks import disjoint
from app.domain.guardrails.rules import effective
from app.domain.guardrails.window import PATIENCE, Cut, JsonWindow, Window
from app.services.answer_guards import finding

RULES = {
    "keywords": {"action": "mask", "words": ["Voldemort", "straße", "red team"]},
    "secrets": {"action": "mask"},
    "pii": {"action": "mask", "kinds": ["email", "card", "iban", "phone", "ip"], "names": ["Ada Lovelace"]},
    "patterns": {
        "action": "mask",
        "patterns": [
            {"name": "order", "pattern": r"\bORD-\d{4,6}\b"},
            {"name": "head", "pattern": r"^x{2,3}y"},
        ],
    },
}
KEY = "AKIA" + "QX3Z7RT5WLN2MBVC"
TEXTS = [
    f"The key is {KEY}, keep it.",
    "Write to ada@example.com or bob.b+c@mail.example.org!",
    "Card 4111 1111 1111 1111 and 4111-1111-1111-1112.",
    "VOLDEMORT met volde\u00admort in the STRASSE; ORD-12345, xORD-1234 and ORD-1234567.",
    "xxy xxxy ＡＤＡ lovelace, 10.0.0.1 and 999.1.1.1, a red team",
    "DE89370400440532013000 or DE89 3704 0044 0532 0130 00",
]


def plan(rules: dict[str, dict[str, object]] = RULES) -> AnswerPlan:
    return plan_of(effective(rules), "sk-sluice-")


def cuts(found_by: AnswerPlan) -> object:
    def search(text: str, start: int, floor: int, *, counts: bool = True) -> list[Cut]:
        spans = [span for span in found_by.acting.spans(text, start) if span.end > floor]
        return [Cut(one.start, one.end, f"[{one.label}]") for one in disjoint(list(map(finding, spans)))]

    return search


def masked(text: str, found_by: AnswerPlan) -> str:
    window = Window(None, cuts(found_by))
    window.swallow(text)
    return window.told(0, text)


def streamed(window: Window, pieces: list[str]) -> str:
    """Return what goes out, each part as soon as it is free; what is out is never taken back."""
    text, out, place = "", [], 0
    for piece in pieces:
        text += piece
        window.feed(piece)
        out.append(window.told(place, text[place : window.free]))
        place = window.free
    window.finish()
    assert window.free == len(text)
    return "".join([*out, window.told(place, text[place:])])


def test_there_is_something_to_find_in_each_text() -> None:
    found_by = plan()
    assert found_by.automaton is not None
    assert all("[" in masked(text, found_by) for text in TEXTS)
    assert KEY not in masked(TEXTS[0], found_by) and masked("xxy", found_by) == "[Pattern]"


@pytest.mark.parametrize("text", TEXTS)
def test_a_cut_at_every_place_changes_nothing(text: str) -> None:
    found_by = plan()
    whole = masked(text, found_by)
    assert streamed(Window(found_by.automaton, cuts(found_by)), list(text)) == whole
    for place in range(1, len(text)):
        pieces = [text[:place], text[place:]]
        assert streamed(Window(found_by.automaton, cuts(found_by)), pieces) == whole, place


PIECE = st.one_of(
    st.sampled_from(
        [*TEXTS, KEY, "4111111111111111", "a@b.co", "@", "ORD-", "1234", "x", " ", "\n", "AKIA", "."]
    ),
    st.text(st.sampled_from("aAxXyOoRrDd-1234@. \n\u00ad４ßé"), max_size=8),
)


@given(st.lists(PIECE, max_size=6).map("".join), st.lists(st.integers(1, 9), max_size=40))
@settings(max_examples=150, deadline=None)
def test_any_text_in_any_pieces_comes_out_as_it_would_whole(text: str, sizes: list[int]) -> None:
    found_by = plan()
    places = [0, *(place for place in accumulate(sizes) if place < len(text)), len(text)]
    pieces = [text[a:b] for a, b in zip(places, places[1:], strict=False)]
    assert streamed(Window(found_by.automaton, cuts(found_by)), pieces) == masked(text, found_by)


def test_nothing_waits_while_nothing_is_under_way() -> None:
    window = Window(plan().automaton, cuts(plan()))
    window.feed("Hello, how are you? ")
    assert window.free == 20 and not window.waits
    window.feed("My key: AKIAQX")
    assert window.free < 20 + len("My key: AKIA") and window.waits


@given(st.lists(PIECE, max_size=5).map("".join), st.lists(st.integers(1, 7), max_size=40), st.booleans())
@settings(max_examples=150, deadline=None)
def test_json_says_after_masking_what_its_texts_say_after_masking(
    text: str, sizes: list[int], ascii_only: bool
) -> None:
    found_by = plan()
    told = json.dumps({"a": [text, {"b": text}]}, ensure_ascii=ascii_only)
    places = [0, *(place for place in accumulate(sizes) if place < len(told)), len(told)]
    pieces = [told[a:b] for a, b in zip(places, places[1:], strict=False)]
    out = streamed(JsonWindow(found_by.automaton, cuts(found_by)), pieces)
    whole = JsonWindow(None, cuts(found_by))
    whole.swallow(told)
    assert out == whole.told(0, told)
    assert json.loads(out).keys() == {"a"}


def test_escapes_hide_nothing_and_what_is_put_in_is_json() -> None:
    found_by = plan()
    told = r'{"k":"\u0041KIA' + KEY[4:] + r'","n":4111111111111111,"s":"\ud83d\ude00 vol\u00addemort\n"}'
    for place in range(len(told)):
        out = streamed(JsonWindow(found_by.automaton, cuts(found_by)), [told[:place], told[place:]])
        found = json.loads(out)
        assert KEY[4:] not in out and found["n"].startswith("[") and found["s"] == "😀 [Keyword]\n", place


def test_a_text_that_gives_way_ends_there_and_is_still_watched() -> None:
    found_by = plan()
    window = Window(found_by.automaton, cuts(found_by))
    window.feed("key " + KEY[:10])
    assert window.waits
    window.give_way(PATIENCE)
    assert not window.waits and window.told(0, "key " + KEY[:10]) == "key " + KEY[:10]
    window.feed(KEY[10:] + " end")
    window.finish()
    assert window.told(14, KEY[10:] + " end") == "[Secret] end"


def test_texts_that_take_turns_all_the_time_wait_for_each_other() -> None:
    found_by = plan()
    window = Window(found_by.automaton, cuts(found_by))
    out = ""
    for number, char in enumerate(KEY):
        window.feed(char)
        window.give_way(PATIENCE - 1)
        out += window.told(number, char) if window.free > number else ""
    assert out == "" and window.waits
    window.feed(" " + "x" * 64)
    window.give_way(PATIENCE)
    assert not window.waits


def test_no_kind_that_comes_with_the_product_needs_the_whole_answer() -> None:
    found_by = plan(
        {"secrets": {}, "pii": {"names": ["Ada"]}, "injection": {"on": "both"}, "keywords": {"words": ["x"]}}
    )
    assert found_by.automaton is not None and not found_by.holds_all
    window = Window(found_by.automaton, cuts(found_by))
    waiting = 0
    for word in "the quick brown fox jumps over the lazy dog and tells a long story of it".split():
        window.feed(word + " ")
        waiting = max(waiting, window.fed - window.free)
    assert waiting < 30


@pytest.mark.parametrize("kind", ["language", "json_only", "judge"])
def test_a_rule_about_the_whole_answer_holds_it_back_only_where_it_acts(kind: str) -> None:
    fields = {"language": {"allowed": ["en"]}, "judge": {"rule": "rude", "model": "a/b"}, "json_only": {}}[
        kind
    ]
    assert plan({kind: {**fields, "on": "output"}}).holds_all
    assert not plan({kind: {**fields, "on": "output", "action": "flag"}}).holds_all
