"""What a Responses body says, said as a chat body; what has no counterpart is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.errors import InvalidRequest
from app.domain.responses.request import chat_body

WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": True}
PATCH = {"type": "custom", "name": "patch", "format": {"syntax": "lark", "definition": "start: WORD"}}


def said(**body: Any) -> dict[str, Any]:
    return chat_body({"model": "m", "input": "Hi", **body})


def test_text_instructions_and_settings() -> None:
    chat = said(
        instructions="Be brief.",
        max_output_tokens=50,
        temperature=0.2,
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_schema", "name": "n", "schema": {"a": 1}, "strict": True}},
        metadata={"a": "b"},
        store=True,
        include=["reasoning.encrypted_content"],
        zdr=True,
    )
    assert chat == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "max_tokens": 50,
        "temperature": 0.2,
        "reasoning_effort": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"a": 1}, "strict": True},
        },
        "zdr": True,
    }


def test_a_conversation_with_tools_pictures_and_files() -> None:
    arguments = '{"city": "Kyōto",  "n":1}'
    items = [
        {"role": "user", "content": [
            {"type": "input_text", "text": "Look"},
            {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "low"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"},
        ]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hmm."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": arguments},
        {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": 'a"b'},
        {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
        {"type": "custom_tool_call_output", "call_id": "c2",
         "output": [{"type": "input_text", "text": "ok"}]},
        {"type": "function_call", "call_id": "c3", "name": "weather", "arguments": "{}"},
    ]  # fmt: skip
    user, answer, first, second, last = said(input=items)["messages"]
    assert user["content"][1] == {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,AA", "detail": "low"},
    }
    assert user["content"][2]["file"]["filename"] == "a.pdf"
    assert (answer["content"], answer["reasoning_content"]) == ("I look.", "Hmm.")
    called = [call["function"] for call in answer["tool_calls"]]
    assert called[0] == {"name": "weather", "arguments": arguments}
    assert called[1] == {"name": "patch", "arguments": '{"input":"a\\"b"}'}
    assert (first["role"], first["tool_call_id"], first["content"]) == ("tool", "c1", "sunny")
    assert (second["tool_call_id"], second["content"]) == ("c2", "ok")
    assert last["tool_calls"][0]["id"] == "c3"


def test_tools_and_their_choice() -> None:
    chat = said(
        tools=[WEATHER, PATCH], tool_choice={"type": "custom", "name": "patch"}, parallel_tool_calls=False
    )
    weather, patch = (tool["function"] for tool in chat["tools"])
    assert weather == {name: WEATHER[name] for name in ("name", "parameters", "strict")}
    assert patch["parameters"]["required"] == ["input"] and "start: WORD" in patch["description"]
    assert chat["tool_choice"] == {"type": "function", "function": {"name": "patch"}}
    assert chat["parallel_tool_calls"] is False
    assert "parallel_tool_calls" not in said(parallel_tool_calls=False, tools=[])
    some = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "weather"}]}
    assert said(tools=[WEATHER], tool_choice=some)["tool_choice"]["allowed_tools"]["mode"] == "required"


def test_plugins_stand_in_for_tools_of_the_same_purpose() -> None:
    chat = said(tools=[{"type": "web_search_preview"}, WEATHER, {"type": "code_interpreter"}])
    assert chat["plugins"] == ["web-search", "code-exec"] and len(chat["tools"]) == 1
    assert said(tools=[{"type": "web_search"}], plugins=["memory"])["plugins"] == ["memory", "web-search"]
    assert "tools" not in said(tools=[{"type": "web_search"}])


@pytest.mark.parametrize(
    ("body", "param", "advice"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id", "earlier turns"),
        ({"conversation": "conv_1"}, "conversation", "earlier turns"),
        ({"background": True}, "background", "leave"),
        ({"input": []}, "input", "not empty"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0]", "the item itself"),
        ({"input": [{"type": "computer_call", "id": "x"}]}, "input[0]", "computer_call"),
        ({"tools": [{"type": "file_search"}]}, "tools[0]", "plugins"),
        ({"tool_choice": {"type": "mcp"}}, "tool_choice", "auto"),
        ({"max_output_tokens": 0}, "max_output_tokens", "at least 1"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type", "json_schema"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]},
         "input[0].content[0]", "file_data"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused_with_advice(body: dict[str, Any], param: str, advice: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        said(**body)
    assert refused.value.param == param and advice in refused.value.message
