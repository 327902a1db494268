"""What a request needs is read from its body."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.decisions import Classification
from app.domain.routing.classify import classify
from app.domain.routing.conversations import is_continued, opening
from app.domain.routing.needs import needs_of, tokens_of

NAMES = (
    "messages", "role", "user", "assistant", "system", "content", "type", "text", "image_url", "tools",
    "functions", "response_format", "reasoning_effort", "max_tokens", "n", "input", "json_schema",
)  # fmt: skip
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
SIMPLE = Classification("chat", "simple", 60)


@pytest.mark.parametrize(
    ("fields", "feature"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"functions": [{"name": "f"}]}, "tools"),
        ({"response_format": SCHEMA}, "json_schema"),
        ({"reasoning_effort": "low"}, "reasoning"),
        ({"messages": [{"role": "user", "content": [PICTURE]}]}, "vision"),
    ],
)
def test_each_field_needs_its_feature(fields: dict[str, Any], feature: str) -> None:
    assert needs_of({"messages": [], **fields}).features == {feature}


def test_plain_words_need_nothing() -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}], "tools": [], "response_format": {"type": "text"}}
    assert needs_of(body).features == frozenset()


def test_context_is_the_input_and_the_longest_answer() -> None:
    needs = needs_of({"messages": [{"role": "user", "content": "x" * 4_000}], "max_tokens": 500, "n": 2})
    assert 1_000 <= needs.input_tokens <= 1_010
    assert needs.context_tokens == needs.input_tokens + 500
    assert needs.expected_output(SIMPLE) == 2 * 210


def test_a_limit_on_the_answer_bounds_what_is_expected() -> None:
    assert needs_of({"messages": [], "max_tokens": 5}).expected_output(SIMPLE) == 5


def test_text_that_is_not_ascii_takes_more_tokens() -> None:
    assert tokens_of("漢" * 400) > 2 * tokens_of("a" * 400)
    assert tokens_of("") <= 4


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner),
    max_leaves=12,
)


@example({"messages": [{"role": ["user"], "content": [{"type": ["image_url"]}]}], "reasoning_effort": {}})
@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_no_body_breaks_the_way_to_a_decision(body: dict[str, Any]) -> None:
    needs, kind = needs_of(body), classify(body)
    assert needs.expected_output(kind) >= 0 and needs.input_tokens >= 0
    assert all(isinstance(part, str) for part in opening(body)) and is_continued(body) in (True, False)
    assert needs_of(body, "embeddings").input_tokens >= 0


def test_embeddings_make_no_output() -> None:
    needs = needs_of({"input": ["x" * 400, "y" * 400]}, "embeddings")
    assert needs.features == {"embeddings"} and needs.input_tokens >= 200
    assert needs.expected_output(Classification("embedding", "simple", 100)) == 0
