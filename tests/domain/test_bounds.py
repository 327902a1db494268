"""Upper bounds of a request: never below what a tokenizer counts, and never without a bound."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.bounds import (
    FILE_TOKENS,
    IMAGE_TOKENS,
    MESSAGE_TOKENS,
    MOST_OUTPUT,
    TOOLS_TOKENS,
    Bound,
    bound_of,
)
from app.domain.errors import InvalidRequest
from app.domain.tokens import estimate_messages, estimate_tokens

texts = st.text(max_size=300) | st.sampled_from(
    ["", "\x00\x01", "🜚" * 40, "ﷺ" * 30, "\u202e\ufffd", "a" * 900]
)
parts = st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": texts}), max_size=4)
messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant"]), "content": texts | parts},
        optional={"name": texts},
    ),
    max_size=6,
)
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 50_000}}


def said(*content: Any, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(content)}], **fields}


@given(messages)
def test_no_text_has_more_tokens_than_its_bound(conversation: list[dict[str, Any]]) -> None:
    bound = bound_of({"messages": conversation})
    assert estimate_messages(conversation) <= bound.input_tokens
    whole = orjson.dumps(conversation).decode()
    assert estimate_tokens(whole) <= len(whole.encode()) <= bound.input_tokens


@given(messages, texts)
def test_more_text_never_lowers_the_bound(conversation: list[dict[str, Any]], text: str) -> None:
    before = bound_of({"messages": conversation})
    after = bound_of({"messages": [*conversation, {"role": "user", "content": text}]})
    assert after.input_tokens >= before.input_tokens + MESSAGE_TOKENS + len(text.encode(errors="replace"))
    assert after.estimated_input_tokens >= before.estimated_input_tokens


@given(messages)
def test_the_estimate_lies_below_the_bound(conversation: list[dict[str, Any]]) -> None:
    bound = bound_of({"messages": conversation})
    assert 0 < bound.estimated_input_tokens <= bound.input_tokens


def test_a_picture_counts_as_a_picture_not_as_its_bytes() -> None:
    small = bound_of(said({"type": "text", "text": "What is this?"})).input_tokens
    one, two = (bound_of(said({"type": "text", "text": "What is this?"}, *[IMAGE] * n)) for n in (1, 2))
    assert IMAGE_TOKENS <= one.input_tokens < small + IMAGE_TOKENS + 50
    assert two.input_tokens - one.input_tokens >= IMAGE_TOKENS
    assert one.estimated_input_tokens < 100


def test_a_linked_picture_is_bounded_too() -> None:
    linked = {"type": "input_image", "image_url": "https://example.test/cat.png"}
    body = {"input": [{"role": "user", "content": [linked]}]}
    assert bound_of(body, "responses").input_tokens >= IMAGE_TOKENS + MESSAGE_TOKENS


def test_pictures_are_found_however_deep() -> None:
    result = {
        "type": "tool_result",
        "content": [{"type": "image", "source": {"type": "base64", "data": "AA"}}],
    }
    assert bound_of(said(result), "messages").input_tokens >= IMAGE_TOKENS


TEXT = "word " * 10_000


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "type": "image", "content": TEXT},
        {"role": "user", "type": "image_url", "image_url": {"detail": TEXT}},
        {"role": "user", "content": [{"type": "image", "text": TEXT, "content": [IMAGE]}]},
        {"role": "assistant", "content": [
            {"type": "tool_use", "input": {"type": "image", "source": {"data": TEXT}}},
        ]},
    ],
)  # fmt: skip
def test_text_that_calls_itself_a_picture_counts_as_text(message: dict[str, Any]) -> None:
    assert bound_of({"messages": [message]}).input_tokens > len(TEXT)


def test_a_tools_schema_may_say_anything() -> None:
    data = {"type": "file", "url": "x", "image": {"type": "image", "source": {"data": TEXT}}}
    schema = {"type": "object", "properties": {"a": {"type": ["string", "null"]}, "b": data}}
    tools = [{"type": "function", "function": {"name": "look", "parameters": schema}}]
    assert bound_of({"messages": [{"role": "user", "content": "Hi"}], "tools": tools}).input_tokens > len(
        TEXT
    )


def test_numbers_of_any_size_have_bounds() -> None:
    assert bound_of({"messages": [], "seed": 10**30}).input_tokens > 30


def test_a_linked_recording_cannot_be_bounded() -> None:
    assert bound_of(said({"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AA"}}))
    with pytest.raises(InvalidRequest, match="Send the file itself"):
        bound_of(said({"type": "video_url", "video_url": {"url": "https://example.test/a.mp4"}}))


def test_a_file_counts_its_bytes_and_its_pages() -> None:
    data = base64.b64encode(b"%PDF-1.7" + b"x" * 3_000).decode()
    part = {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{data}"}}
    assert bound_of(said(part)).input_tokens >= FILE_TOKENS + 4 * len(data)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "input_file", "file_url": "https://example.test/long.pdf"},
        {"type": "document", "source": {"type": "url", "url": "https://example.test/long.pdf"}},
    ],
    ids=lambda part: part["type"],
)
def test_a_file_elsewhere_cannot_be_bounded(part: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="Send the file itself"):
        bound_of(said(part))


@pytest.mark.parametrize("name", ["tools", "functions"])
def test_tools_add_what_providers_say_about_them(name: str) -> None:
    tools = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
    plain = bound_of(said()).input_tokens
    assert bound_of(said(**{name: tools})).input_tokens > plain + TOOLS_TOKENS
    assert bound_of(said(**{name: []})).input_tokens < plain + TOOLS_TOKENS


def test_a_previous_answer_brings_its_input_along() -> None:
    plain, after = bound_of({"input": "Hi"}, "responses"), bound_of({"input": "Hi"}, "responses", 5_000)
    assert after.input_tokens - plain.input_tokens == 5_000
    assert after.estimated_input_tokens - plain.estimated_input_tokens == 5_000


@pytest.mark.parametrize(
    ("operation", "fields", "limit"),
    [
        ("chat", {"max_tokens": 7}, 7),
        ("chat", {"max_completion_tokens": 5, "max_tokens": 7}, 7),
        ("chat", {"max_completion_tokens": 5, "max_tokens": "7"}, None),
        ("chat", {"max_tokens": 10**30}, MOST_OUTPUT),
        ("chat", {"max_completion_tokens": None, "max_tokens": 7}, 7),
        ("chat", {"max_output_tokens": 7}, None),
        ("responses", {"max_output_tokens": 9}, 9),
        ("messages", {"max_tokens": 0}, None),
        ("embeddings", {"max_tokens": 9}, 0),
        ("chat", {}, None),
        *(("chat", {"max_tokens": odd}, None) for odd in (True, "7", 1.5, -1, [], None)),
    ],
)
def test_the_clients_own_limit_is_found_where_it_makes_sense(
    operation: str, fields: dict[str, Any], limit: int | None
) -> None:
    assert bound_of({"messages": [], **fields}, operation).output_tokens == limit


COPIES = [(3, 3), (1, 1), (0, 1), (-2, 1), (True, 1), (None, 1), ([], 1), ("x", 1), ("4", 4), (4.0, 4)]


@pytest.mark.parametrize(("n", "copies"), [*COPIES, (10**30, 10_000), ("9" * 5_000, 10_000)])
def test_each_copy_of_the_answer_counts(n: Any, copies: int) -> None:
    assert bound_of({"messages": [], "n": n}).copies == copies
    assert bound_of({"messages": [], "best_of": n}).copies == copies


def test_an_empty_request_is_bounded() -> None:
    assert bound_of({}) == Bound(2, None, 1, 1)
