"""Each part of a chat call in the words of the messages API, and what cannot be said there."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.errors import InvalidRequest
from app.domain.parameters import fit
from app.domain.targets import Candidate
from app.providers.anthropic_request import translate
from tests.providers.conftest import HELLO

PNG = "data:image/png;base64,iVBORw0KGgo="
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


def to(model: str = "claude-sonnet-4-5") -> Candidate:
    return Candidate(
        f"anthropic/{model}", "p", "anthropic", "Anthropic", "anthropic", "", model, None, credentials=()
    )


def sent(messages: Any = HELLO, model: str = "claude-sonnet-4-5", **body: Any) -> dict[str, Any]:
    return translate(fit({"messages": messages} | body, to(model)).body, model, False)


def message(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content} | more


def test_a_plain_question() -> None:
    assert sent() == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    }


def test_system_messages_are_gathered_wherever_they_stand() -> None:
    body = sent(
        [
            message("system", "One."),
            message("user", "Hi"),
            message("developer", [{"type": "text", "text": "Two."}]),
            message("user", "Again"),
        ]
    )
    assert body["system"] == "One.\n\nTwo."
    [only] = body["messages"]
    assert [block["text"] for block in only["content"]] == ["Hi", "Again"]


def test_images_and_files() -> None:
    parts = [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
    ]
    [only] = sent([message("user", parts)])["messages"]
    assert [block["type"] for block in only["content"]] == ["text", "image", "image", "document"]
    assert only["content"][1]["source"] == {
        "type": "base64",
        "media_type": "image/png",
        "data": "iVBORw0KGgo=",
    }
    assert only["content"][2]["source"] == {"type": "url", "url": "https://example.com/a.jpg"}
    assert only["content"][3]["title"] == "a.pdf"


def test_tools_their_use_and_their_results() -> None:
    body = sent(
        [
            message("user", "Go"),
            message("assistant", "Sure.", tool_calls=[CALL, CALL | {"id": "call:2"}]),
            message("tool", "sunny", tool_call_id="call_1"),
            message("tool", [{"type": "text", "text": "rain"}], tool_call_id="call:2"),
            message("user", "Thanks"),
        ],
        tools=[TOOL],
    )
    assert [one["role"] for one in body["messages"]] == ["user", "assistant", "user"]
    text, first, second = body["messages"][1]["content"]
    assert text == {"type": "text", "text": "Sure."}
    assert first == {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}}
    assert second["id"] == "call_2"
    results = body["messages"][2]["content"]
    assert [one["type"] for one in results] == ["tool_result", "tool_result", "text"]
    assert results[0] == {
        "type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "sunny"}],
    }  # fmt: skip
    assert body["tools"] == [{"name": "f", "description": "d", "input_schema": {"type": "object"}}]
    assert "tool_choice" not in body


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, None),
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, {"type": "tool", "name": "f"}),
        ({"parallel_tool_calls": True}, None),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        (
            {"tool_choice": "required", "parallel_tool_calls": False},
            {"type": "any", "disable_parallel_tool_use": True},
        ),
        ({"tool_choice": "none", "parallel_tool_calls": False}, {"type": "none"}),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "required", "tools": [TOOL]},
                }
            },
            {"type": "any"},
        ),
    ],
)
def test_the_choice_of_a_tool(options: dict[str, Any], expected: Any) -> None:
    assert sent(tools=[TOOL], **options).get("tool_choice") == expected


def test_only_allowed_tools_are_offered() -> None:
    other = {"type": "function", "function": {"name": "g"}}
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [other]}}
    assert [tool["name"] for tool in sent(tools=[TOOL, other], tool_choice=choice)["tools"]] == ["g"]
    assert "tool_choice" not in sent(tool_choice="auto")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"max_tokens": 5}, {"max_tokens": 5}),
        ({"max_tokens": 5, "max_completion_tokens": 6}, {"max_tokens": 6}),
        ({"max_tokens": None}, {"max_tokens": 4096}),
        ({"temperature": 0}, {"temperature": 0}),
        ({"temperature": 1.7}, {"temperature": 1}),
        ({"top_p": 0.5}, {"top_p": 0.5}),
        ({"temperature": 0.2, "top_p": 0.5}, {"temperature": 0.2, "top_p": None}),
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"stop": ["END", "\n", ""]}, {"stop_sequences": ["END"]}),
        ({"stop": None}, {"stop_sequences": None}),
        ({"user": "u1"}, {"metadata": {"user_id": "u1"}}),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 6096},
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"a": 1}}}},
            {"output_config": {"format": {"type": "json_schema", "schema": {"a": 1}}}},
        ),
        ({"response_format": {"type": "json_object"}}, {"output_config": None}),
        ({"logit_bias": {}, "seed": 1, "stream_options": {}}, {"seed": None, "stream_options": None}),
    ],
)  # fmt: skip
def test_settings(options: dict[str, Any], expected: dict[str, Any]) -> None:
    body = sent(**options)
    assert {name: body.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-2.1", True), ("claude-instant-1.2", True), ("claude-3-5-haiku-latest", True),
        ("claude-3-opus-20240229", True),
        ("claude-opus-4-20250514", True), ("claude-sonnet-4-5-20250929", True), ("claude-haiku-4-5", True),
        ("claude-opus-4-6", True), ("anthropic.claude-sonnet-4-6-v1:0", True), ("claude-opus-4-7", False),
        ("claude-haiku-4-6", False), ("claude-sonnet-5", False), ("claude-opus-5-5", False),
        ("claude-fable-5-1", False),
        ("kimi-k3", True),
    ],
)  # fmt: skip
def test_later_models_get_no_temperature(model: str, expected: bool) -> None:
    body = sent(model=model, temperature=0.5)
    assert ("temperature" in body) is expected
    assert body["max_tokens"] == (4096 if expected else 16_384)


def test_blank_texts_are_left_out_and_a_started_answer_is_trimmed() -> None:
    body = sent(
        [
            message("user", "Hi"),
            message("assistant", ""),
            message("user", "  "),
            message("assistant", "So \n"),
        ]
    )
    assert [one["role"] for one in body["messages"]] == ["user", "assistant"]
    assert body["messages"][1]["content"] == [{"type": "text", "text": "So"}]


@pytest.mark.parametrize(
    ("text", "expected"), [("", {}), ("{broken", {"arguments": "{broken"}), ("[1]", {"arguments": [1]})]
)
def test_a_models_broken_arguments_are_handed_back(text: str, expected: Any) -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": text}}
    assert (
        sent([message("assistant", None, tool_calls=[call])])["messages"][0]["content"][0]["input"]
        == expected
    )


@pytest.mark.parametrize(
    "body",
    [
        {"messages": ["x"]}, {"messages": [message("robot", "x")]},
        {"messages": [message("user", 5)]}, {"messages": [message("user", ["x"])]},
        {"messages": [message("user", [{"type": "input_audio"}])]}, {"messages": [message("tool", "x")]},
        {"messages": [message("user", [{"type": "image_url", "image_url": {"url": "ftp://x"}}])]},
        {"messages": [message("user", [{"type": "image_url", "image_url": "data:image/bmp;base64,aa"}])]},
        {"messages": [message("user", [{"type": "file", "file": {"file_id": "file-1"}}])]},
        {"messages": [message("system", [{"type": "image_url", "image_url": {"url": PNG}}])]},
        {"messages": [message("assistant", None, tool_calls=[{"id": "c"}])]},
        {"tools": [{"type": "function"}]},
        {"tools": [TOOL], "tool_choice": "maybe"}, {"tools": [TOOL], "tool_choice": {"type": "function"}},
        {"response_format": {"type": "json_schema"}},
    ],
)  # fmt: skip
def test_what_cannot_be_said_there_is_refused_by_name(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        translate({"messages": HELLO} | body, "claude-sonnet-4-5", False)
    assert caught.value.param


def test_thoughts_go_back_as_they_came_and_before_the_rest() -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "sig"}
    hidden = {"type": "redacted_thinking", "data": "opaque"}
    blocks = [thought, hidden, {"type": "thinking", "thinking": "of another model"}]
    answer = message("assistant", "So.", tool_calls=[CALL], reasoning_content="Hm.", thinking_blocks=blocks)
    found = sent([message("user", "Go"), answer])["messages"][1]["content"]
    assert found[:2] == [thought, hidden]
    assert [block["type"] for block in found[2:]] == ["text", "tool_use"]


def test_marks_for_the_cache_and_failed_tools_stay() -> None:
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    body = sent(
        [
            message("system", [{"type": "text", "text": "Long."} | mark]),
            message("user", [{"type": "text", "text": "Go"} | mark]),
            message("assistant", None, tool_calls=[CALL]),
            message("tool", "boom", tool_call_id="call_1", is_error=True, **mark),
        ],
        tools=[TOOL | mark],
    )
    assert body["system"] == [{"type": "text", "text": "Long."} | mark]
    assert body["messages"][0]["content"] == [{"type": "text", "text": "Go"} | mark]
    assert body["tools"][0]["cache_control"] == mark["cache_control"]
    assert body["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "call_1", "is_error": True,
         "content": [{"type": "text", "text": "boom"}]} | mark
    ]  # fmt: skip


def test_documents_by_address_as_text_and_in_their_own_words() -> None:
    own = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}
    parts = [
        {"type": "file", "file": {"file_data": "https://example.com/a.pdf"}},
        {"type": "file", "file": {"file_data": "data:text/plain;base64,aGk="}},
        own,
    ]
    found = sent([message("user", parts)])["messages"][0]["content"]
    assert found[0]["source"] == {"type": "url", "url": "https://example.com/a.pdf"}
    assert found[1]["source"]["data"] == "hi" and found[2] == own


def test_schemas_are_closed_and_their_bounds_are_said_in_words() -> None:
    schema = {
        "type": "object",
        "properties": {"age": {"type": "integer", "minimum": 0, "description": "In years."}},
        "$defs": {"one": {"type": "object", "properties": {}}},
        "items": {"oneOf": [{"type": "string", "minLength": 2}]},
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    found = sent(response_format=wanted)["output_config"]["format"]["schema"]
    assert found["additionalProperties"] is False and found["$defs"]["one"]["additionalProperties"] is False
    assert found["properties"]["age"] == {"type": "integer", "description": "In years.\n\n{minimum: 0}"}
    assert found["items"] == {"anyOf": [{"type": "string", "description": "{minLength: 2}"}]}
