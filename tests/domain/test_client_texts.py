"""Every text that a client sends is found, in each dialect, and nothing else is touched."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.client_texts import has_tokens, read, together, written

PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
TOOL_CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "look", "arguments": '{"q":"a\\u0040b"}'},
}
TOOL_USE = {"type": "tool_use", "id": "t", "name": "n", "input": {"type": "secret"}}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "sig"}
DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "page"}}
BASE64 = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
BODIES: list[tuple[dict[str, Any], list[str]]] = [
    ({"message": "hi", "session_id": "s-1"}, ["hi"]),
    ({"message": "hi", "variables": {"name": "Ann", "card": 4111, "vip": True}}, ["hi", "Ann", "4111"]),
    (
        {
            "messages": [
                {"role": "system", "content": "be"},
                {"role": "user", "content": [PICTURE, {"type": "text", "text": "t"}]},
            ]
        },
        ["be", "t"],
    ),
    ({"messages": [{"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]}]}, ["a@b"]),
    ({"messages": [{"role": "tool", "tool_call_id": "c", "name": "look", "content": "found"}]}, ["found"]),
    (
        {
            "system": [{"type": "text", "text": "sys", "cache_control": {"type": "ephemeral"}}],
            "messages": [{"role": "user", "content": [THOUGHT, DOCUMENT, BASE64]}],
        },
        ["sys", "page"],
    ),
    (
        {
            "messages": [
                {"role": "assistant", "content": [TOOL_USE]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "res"}]},
            ]
        },
        ["secret", "res"],
    ),
    (
        {
            "instructions": "ins",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "in"}]},
                {"type": "function_call_output", "call_id": "c", "output": "out"},
            ],
        },
        ["ins", "in", "out"],
    ),
    ({"input": ["one", "two"], "model": "m"}, ["one", "two"]),
    ({"message": "m", "prediction": {"type": "content", "content": "p"}}, ["m", "p"]),
    ({"message": "m", "documents": [{"title": "t", "text": "d"}]}, ["m", "t", "d"]),
    ({"messages": [{"role": "user", "content": [{**THOUGHT, "text": "beside"}]}]}, ["beside"]),
    ({"messages": [{"role": "assistant", "content": [{**TOOL_USE, "input": {"a@b.c": 1}}]}]}, ["a@b.c", "1"]),
    ({"input": "one", "user": "somebody", "tools": [{"function": {"description": "d"}}]}, ["one"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "texts"), BODIES)
def test_texts_of_one_message_are_told_by_their_number(body: dict[str, Any], texts: list[str]) -> None:
    assert sum(together(body)) == len(texts)


def test_parts_of_one_message_belong_together() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    messages = [{"role": "user", "content": parts}, {"role": "user", "content": "c"}]
    assert together({"system": parts, "messages": messages, "input": ["d", "e"]}) == [2, 2, 1, 1, 1]


@pytest.mark.parametrize(("body", "texts"), BODIES)
def test_texts_are_found_and_put_back(body: dict[str, Any], texts: list[str]) -> None:
    assert read(body) == texts
    assert written(body, texts) == body
    changed = written(body, [f"<{text}>" for text in texts])
    assert read(changed) == [f"<{text}>" for text in texts]
    assert changed.keys() == body.keys()


def test_numbers_stay_numbers_unless_they_must_not_stay() -> None:
    body = {"variables": {"card": 4111, "age": 7}}
    assert written(body, ["[CARD]", "7"]) == {"variables": {"card": "[CARD]", "age": 7}}


@pytest.mark.parametrize(
    ("value", "expected"), [([1, 2], True), ([[1]], True), (["a"], False), ("a", False), (None, False)]
)
def test_input_of_token_numbers_is_known(value: Any, expected: bool) -> None:
    assert has_tokens({"input": value}) is expected


def test_names_in_a_tools_arguments_that_are_masked_alike_stay_apart() -> None:
    call = {"function": {"name": "send", "arguments": '{"a@b.c":1,"d@e.f":2}'}}
    body = {"messages": [{"role": "assistant", "content": None, "tool_calls": [call]}]}
    [message] = written(body, ["X", "1", "X", "2"])["messages"]
    assert message["tool_calls"][0]["function"]["arguments"] == '{"X":1,"X_":2}'
