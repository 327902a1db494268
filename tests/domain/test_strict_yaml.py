"""YAML for configuration: what it reads, and each thing it refuses without repeating the file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import strict_yaml
from app.domain.strict_yaml import YamlError

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(0.001, 1000) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def test_plain_values_are_read() -> None:
    text = "a: 1\nb: 0.25\nc: true\nd: null\ne: [x, 'y']\nf: |\n  one\n  two\n"
    expected = {"a": 1, "b": 0.25, "c": True, "d": None, "e": ["x", "y"], "f": "one\ntwo\n"}
    assert strict_yaml.load(text) == expected


@pytest.mark.parametrize(
    "word", ["yes", "No", "on", "off", "True", "12:30", "2027-01-01", "1_000", "0o7", ".inf"]
)
def test_what_only_looks_like_a_value_stays_text(word: str) -> None:
    assert strict_yaml.load(f"a: {word}") == {"a": word}


@given(VALUES)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert strict_yaml.load(strict_yaml.dump({"value": value})) == {"value": value}


def test_a_long_text_is_written_as_a_block() -> None:
    assert strict_yaml.dump({"prompt": "Be kind.\nBe brief."}) == "prompt: |-\n  Be kind.\n  Be brief.\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\na: 2", "line 2, column 1: this name appears twice"),
        ("a: &x [1]\nb: *x", "line 2, column 4: aliases"),
        ("a:\n  <<: *x", "aliases"),
        ("1: a", "line 1, column 1: a field's name must be text"),
        ("[a]: b", "a field's name must be text"),
        ("a: !!python/object:os.system {}", "line 1, column 4: tags"),
        ("a: !secret x", "tags"),
        ("a: [1", "this is not YAML"),
        ("a: 1\n---\nb: 2", "this is not YAML"),
        ("a: b: c", "this is not YAML"),
        ("a: \x01", "control characters"),
        ("a: " + "[" * 40 + "]" * 40, "nested deeper"),
        ("a: !!bool x", "tags"),
        ("!!timestamp x", "tags"),
        ("a: " + "9" * 5000, "cannot be read"),
    ],
)
def test_what_a_configuration_does_not_need_is_refused(text: str, says: str) -> None:
    with pytest.raises(YamlError, match=says.replace("(", r"\(")):
        strict_yaml.load(text)


@pytest.mark.parametrize(
    "text", ["a: 'hunter2", 'a: "hunter2\\q"', "a: !hunter2 b", "- hunter2: *hunter2", "a: hunter2\n  b: x"]
)
def test_a_refusal_does_not_repeat_the_file(text: str) -> None:
    with pytest.raises(YamlError) as refused:
        strict_yaml.load(text)
    assert "hunter2" not in str(refused.value)
