"""JSON healing: careless JSON is mended, valid JSON is never touched, whatever the text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.healing import MOST_CHARACTERS, STEPS, heal
from app.domain.healing_mender import MOST_DEPTH

BROKEN: list[tuple[str, Any, set[str]]] = [
    ('```json\n{"a": 1}\n```', {"a": 1}, {"fence"}),
    ('Sure! Here it is:\n```\n{"a": 1}\n```\nAnything else?', {"a": 1}, {"fence"}),
    ('```json\n{"a": [1, 2\n```', {"a": [1, 2]}, {"fence", "missing_bracket"}),
    ('The answer is {"a": 1}. I hope it helps.', {"a": 1}, {"prose"}),
    ('As in [1], the answer is {"a": {"b": 2}}', {"a": {"b": 2}}, {"prose"}),
    ('<think>{maybe}</think>{"a": 1}', {"a": 1}, {"prose"}),
    ('{"a": 1,}', {"a": 1}, {"extra_comma"}),
    ("[1, 2, ]", [1, 2], {"extra_comma"}),
    ('{,"a": 1,, "b": 2}', {"a": 1, "b": 2}, {"extra_comma"}),
    ('{"a": 1 "b": 2}', {"a": 1, "b": 2}, {"missing_comma"}),
    ('{"a": "x"\n "b": "y"}', {"a": "x", "b": "y"}, {"missing_comma"}),
    ('["a" "b" {"c": 1}]', ["a", "b", {"c": 1}], {"missing_comma"}),
    ('[{"a": 1} {"a": 2}]', [{"a": 1}, {"a": 2}], {"missing_comma"}),
    ("{'a': 'it's fine'}", {"a": "it's fine"}, {"quotes"}),
    ("{'a': 'say \"hi\"'}", {"a": 'say "hi"'}, {"quotes", "inner_quotes"}),
    ("{“a”: “b”}", {"a": "b"}, {"quotes"}),
    ('{"a": "he said "hi" to me"}', {"a": 'he said "hi" to me'}, {"inner_quotes"}),
    ("{a: 1, b_c: 2, d-e: 3}", {"a": 1, "b_c": 2, "d-e": 3}, {"names"}),
    ('{"a": True, "b": False, "c": None}', {"a": True, "b": False, "c": None}, {"literals"}),
    ('{"a": NaN, "b": undefined}', {"a": None, "b": None}, {"literals"}),
    ('{"a": .5, "b": +3, "c": 007, "d": 1_000}', {"a": 0.5, "b": 3, "c": 7, "d": 1000}, {"numbers"}),
    ('{"a": hello world, "b": 1}', {"a": "hello world", "b": 1}, {"words"}),
    ('{"a": 1, // one\n "b": 2 /* two */}', {"a": 1, "b": 2}, {"comments"}),
    ('{"a": 1, # one\n "b": 2}', {"a": 1, "b": 2}, {"comments"}),
    ('{"a": 1, ...}', {"a": 1}, {"comments", "extra_comma"}),
    ('{"a": "two\nlines\tand a tab"}', {"a": "two\nlines\tand a tab"}, {"control"}),
    ('{"a": "\\d+ in C:\\work"}', {"a": "\\d+ in C:\\work"}, {"escapes"}),
    ('{"a": "not\\u12 hex"}', {"a": "not\\u12 hex"}, {"escapes"}),
    ('{\\"a\\": \\"b\\"}', {"a": "b"}, {"escaped"}),
    ('{"a" 1}', {"a": 1}, {"missing_colon"}),
    ("{a = 1; b => 2}", {"a": 1, "b": 2}, {"names", "missing_colon"}),
    ('"a": 1, "b": 2', {"a": 1, "b": 2}, {"missing_bracket"}),
    ('{"a": [1, {"b": 2', {"a": [1, {"b": 2}]}, {"missing_bracket"}),
    ('{"a": {"b": [1, 2}, "c": 3}', {"a": {"b": [1, 2]}, "c": 3}, {"missing_bracket"}),
    ('{"a": 1]}', {"a": 1}, {"extra_bracket"}),
    ('{"a": "broken o', {"a": "broken o"}, {"missing_end"}),
    ('{"a": "x\\', {"a": "x"}, {"missing_end", "escapes"}),
    ('{"a": "x", "b', {"a": "x"}, {"missing_end", "nameless"}),
    ('{"a": 1, "b": ', {"a": 1}, {"nameless", "missing_bracket"}),
    ('{"a": 1, "b": tru', {"a": 1, "b": True}, {"missing_end"}),
    ('{"a": 12.', {"a": 12}, {"missing_end"}),
    ('{"a": , "b": 2}', {"b": 2}, {"nameless"}),
    ('{"a": "x,\n "b": 2}', {"a": "x", "b": 2}, {"missing_end", "missing_comma"}),
]


@pytest.mark.parametrize(("text", "value", "steps"), BROKEN)
def test_careless_json_is_mended_and_says_how(text: str, value: Any, steps: set[str]) -> None:
    healed = heal(text)
    assert json.loads(healed.text) == value
    assert set(healed.steps) >= steps and set(healed.steps) <= STEPS.keys() and healed.valid


@pytest.mark.parametrize("text", ["", "no JSON at all", "{\x00\\", "}", "[" * (MOST_DEPTH + 1)])
def test_what_cannot_be_mended_is_left_as_it_came(text: str) -> None:
    healed = heal(text)
    assert (healed.text, healed.steps, healed.valid) == (text, (), False)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([None, 2]))
def test_valid_json_is_never_touched(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    assert heal(text).text == text and heal(text).steps == ()


@given(st.dictionaries(st.text(), VALUES, min_size=1, max_size=3), st.data())
def test_what_breaks_off_anywhere_is_json_again_and_keeps_its_beginning(value: Any, data: Any) -> None:
    text = json.dumps(value)
    healed = heal(text[: data.draw(st.integers(1, len(text)))])
    assert healed.valid and list(json.loads(healed.text)) == list(value)[: len(json.loads(healed.text))]


def test_numbers_keep_their_digits() -> None:
    assert (
        heal('{"a": 12345678901234567890123, "b": 1.10,}').text == '{"a": 12345678901234567890123, "b": 1.10}'
    )


@given(st.text(alphabet="{}[]\",:\\\n '`/*#.a1-_“”", max_size=60))
def test_anything_is_answered_with_json_or_as_it_came(text: str) -> None:
    healed = heal(text)
    assert not healed.valid and healed.text == text or json.loads(healed.text, strict=True) is not Ellipsis


def test_a_text_beyond_the_limit_is_left_alone() -> None:
    text = '{"a": "' + "x" * MOST_CHARACTERS
    assert heal(text).text is text and not heal(text).valid
