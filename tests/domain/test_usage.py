"""Token counts in every shape that upstreams use; what cannot be true is absent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.calls import Usage
from app.domain.usage import chat_usage, chunk_usage, messages_usage, responses_usage

PLAIN = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (PLAIN, Usage(10, 4)),
        (PLAIN | {"prompt_tokens_details": {"cached_tokens": 6}}, Usage(10, 4, 6)),
        (
            PLAIN | {"prompt_tokens_details": {"cached_tokens": 6, "cache_write_tokens": 2}},
            Usage(10, 4, 6, 2),
        ),
        (PLAIN | {"prompt_cache_hit_tokens": 6, "prompt_cache_miss_tokens": 4}, Usage(10, 4, 6)),
        (PLAIN | {"prompt_tokens_details": {"cached_tokens": 99}}, Usage(10, 4, 10)),
        (PLAIN | {"prompt_tokens_details": None, "completion_tokens_details": 5}, Usage(10, 4)),
        (PLAIN | {"completion_tokens_details": {"reasoning_tokens": 3}}, Usage(10, 4, reasoning_tokens=3)),
        (
            PLAIN | {"completion_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 17},
            Usage(10, 7, reasoning_tokens=3),
        ),
    ],
)
def test_chat_usage(usage: Any, expected: Usage) -> None:
    assert chat_usage(usage) == expected


@pytest.mark.parametrize(
    "data",
    [
        {"choices": [], "usage": PLAIN},
        {"choices": [{"usage": PLAIN}]},
        {"choices": [], "x_groq": {"usage": PLAIN}},
    ],
)
def test_usage_is_found_where_vendors_put_it(data: dict[str, Any]) -> None:
    assert chunk_usage(data) == Usage(10, 4)


def test_responses_usage() -> None:
    usage = {
        "input_tokens": 10, "output_tokens": 4, "total_tokens": 14,
        "input_tokens_details": {"cached_tokens": 6}, "output_tokens_details": {"reasoning_tokens": 3},
    }  # fmt: skip
    assert responses_usage(usage) == Usage(10, 4, 6, reasoning_tokens=3)
    assert responses_usage({"input_tokens": -1, "output_tokens": 4}) is None


def test_messages_usage_counts_cache_tokens_as_input() -> None:
    usage = {
        "input_tokens": 10, "output_tokens": 4, "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
    }  # fmt: skip
    assert messages_usage(usage) == Usage(130, 4, 100, 20)


def test_later_parts_of_messages_usage_replace_and_do_not_add() -> None:
    start = messages_usage({"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 5})
    assert messages_usage({"output_tokens": 9}, start) == Usage(15, 9, 5)
    assert messages_usage({"input_tokens": 12, "output_tokens": 9}, start) == Usage(17, 9, 5)
    assert messages_usage(None, start) == start
    assert messages_usage({"output_tokens": -9}, start) is None
    assert messages_usage({"output_tokens": 9}) is None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_no_count_is_ever_negative_or_absurd(value: Any) -> None:
    keys = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "cache_read_input_tokens")
    usage = dict.fromkeys(keys, value) | {"prompt_tokens_details": {"cached_tokens": value}}
    for read in (chat_usage, responses_usage, messages_usage):
        found = read(usage)
        if found is not None:
            assert 0 <= found.cache_read_tokens <= found.input_tokens <= 3 * 10**9
            assert 0 <= found.output_tokens <= 10**9
