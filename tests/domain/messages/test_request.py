"""Bodies of messages read as chat bodies: nothing that has a counterpart is lost, what is wrong is named."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.errors import InvalidRequest
from app.domain.messages.request import chat_body, counted_body

PNG = {"type": "base64", "media_type": "image/png", "data": "iVBO"}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}
CACHED = {"cache_control": {"type": "ephemeral"}}
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}}


BIG_ARGUMENTS = '{"b": 1, "a": "\\u00fc", "big": 1000000000000000000000000000000}'


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]} | fields


def messages(*blocks: dict[str, Any], role: str = "user") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = chat_body(body(messages=[{"role": role, "content": list(blocks)}]))[
        "messages"
    ]
    return found


def test_the_plainest_body() -> None:
    assert chat_body(body()) == body()


def test_settings_keep_their_meaning() -> None:
    chat = chat_body(
        body(
            stop_sequences=["END"],
            metadata={"user_id": "u-1"},
            service_tier="standard_only",
            top_k=5,
            temperature=0.5,
            stream=True,
            routing={"policy": "lowest_cost"},
        )
    )
    assert chat["stop"] == ["END"] and chat["user"] == "u-1" and chat["service_tier"] == "default"
    assert chat["top_k"] == 5 and chat["temperature"] == 0.5 and chat["stream"] is True
    assert chat["routing"] == {"policy": "lowest_cost"}
    assert not {"stop_sequences", "metadata"} & chat.keys()
    long = chat_body(body(metadata={"user_id": "u" * 150}))["user"]
    assert len(long) == 64 and long == chat_body(body(metadata={"user_id": "u" * 150}))["user"]


def test_thinking_goes_on_under_its_own_name_and_effort_alone_is_an_effort() -> None:
    thinking = {"type": "enabled", "budget_tokens": 2048}
    asked = chat_body(body(thinking=thinking, output_config={"effort": "max"}))
    assert (asked["thinking"], asked["output_config"]) == (thinking, {"effort": "max"})
    assert chat_body(body(output_config={"effort": "low"}))["reasoning_effort"] == "low"


def test_a_schema_for_the_answer() -> None:
    schema = {"type": "object", "properties": {}}
    chat = chat_body(body(output_config={"format": {"type": "json_schema", "schema": schema}}))
    assert chat["response_format"]["json_schema"] == {"name": "answer", "schema": schema, "strict": True}
    assert "output_config" not in chat


@pytest.mark.parametrize(
    ("system", "content"),
    [
        ("Be brief.", "Be brief."),
        ([{"type": "text", "text": "Be brief."}], "Be brief."),
        ([{"type": "text", "text": "A", **CACHED}], [{"type": "text", "text": "A", **CACHED}]),
        (
            [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}],
            [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}],
        ),
    ],
)
def test_the_system_prompt_comes_first(system: Any, content: Any) -> None:
    assert chat_body(body(system=system))["messages"][0] == {"role": "system", "content": content}


def test_pictures_and_documents() -> None:
    said = messages(
        {"type": "text", "text": "See", **CACHED},
        {"type": "image", "source": PNG},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "document", "source": PDF, "title": "a.pdf"},
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "Words"},
            "title": "T",
        },
        {"type": "document", "source": {"type": "content", "content": [{"type": "image", "source": PNG}]}},
        {
            "type": "search_result",
            "source": "https://e.com",
            "title": "S",
            "content": [{"type": "text", "text": "R"}],
        },
    )
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}
    pdf = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}
    assert said == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "See", **CACHED},
                picture,
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                {"type": "file", "file": pdf},
                {"type": "text", "text": "T\nWords"},
                picture,
                {"type": "text", "text": "S\nhttps://e.com\nR"},
            ],
        }
    ]


def test_tools_are_functions_and_anthropics_own_stay_theirs() -> None:
    own = {"type": "web_search_20250305", "name": "web_search"}
    tools = [
        {"name": "weather", "description": "Tells it.", "input_schema": WEATHER, "strict": True, **CACHED},
        own,
    ]
    chat = chat_body(body(tools=tools))
    function = {"name": "weather", "description": "Tells it.", "strict": True, "parameters": WEATHER}
    assert chat["tools"] == [{"type": "function", "function": function, **CACHED}, own]


@pytest.mark.parametrize(
    ("choice", "fields"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any"}, {"tool_choice": "required"}),
        ({"type": "none"}, {"tool_choice": "none"}),
        ({"type": "tool", "name": "w"}, {"tool_choice": {"type": "function", "function": {"name": "w"}}}),
        (
            {"type": "auto", "disable_parallel_tool_use": True},
            {"tool_choice": "auto", "parallel_tool_calls": False},
        ),
    ],
)
def test_which_tool_to_use(choice: dict[str, Any], fields: dict[str, Any]) -> None:
    chat = chat_body(body(tools=[{"name": "w", "input_schema": WEATHER}], tool_choice=choice))
    assert {name: chat[name] for name in ("tool_choice", "parallel_tool_calls") if name in chat} == fields
    assert "tool_choice" not in chat_body(body(tool_choice=choice))


def test_an_earlier_answer_keeps_thoughts_signatures_and_tools() -> None:
    thoughts = [
        {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xx"},
    ]
    use = {"type": "tool_use", "id": "toolu_1", "name": "w", "input": {"b": 1, "a": "ü", "big": 10**30}}
    server = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    assert messages(*thoughts, {"type": "text", "text": "Wait."}, server, use, role="assistant") == [
        {
            "role": "assistant",
            "content": "Wait.",
            "thinking_blocks": thoughts,
            "reasoning_content": "Hm.",
            "tool_calls": [
                {
                    "id": "toolu_1",
                    "type": "function",
                    "function": {"name": "w", "arguments": BIG_ARGUMENTS},
                }
            ],
        }
    ]
    assert messages({**use, "input": {}}, role="assistant")[0]["content"] is None
    unsigned = {"type": "thinking", "thinking": "Hm.", "signature": ""}
    assert messages(unsigned, role="assistant") == [
        {"role": "assistant", "content": "", "reasoning_content": "Hm."}
    ]


def test_results_come_right_after_the_calls_and_their_pictures_after_all_of_them() -> None:
    said = messages(
        {"type": "text", "text": "There."},
        {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "image", "source": PNG}]},
        {"type": "tool_result", "tool_use_id": "t2", "content": "No.", "is_error": True},
        {"type": "tool_result", "tool_use_id": "t3"},
    )
    assert [message["role"] for message in said] == ["tool", "tool", "tool", "user"]
    assert [message.get("tool_call_id") for message in said] == ["t1", "t2", "t3", None]
    assert said[1] == {"role": "tool", "tool_call_id": "t2", "content": "No.", "is_error": True}
    assert said[2]["content"] == ""
    assert [part["type"] for part in said[3]["content"]] == ["text", "text", "image_url"]
    assert messages({"type": "tool_result", "tool_use_id": "t", "content": "x"})[-1]["role"] == "tool"


def test_blocks_that_nobody_knows_yet_stay_as_they_are() -> None:
    block = {"type": "hologram", "data": "x"}
    assert messages(block)[0]["content"] == [block]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages.0.content.0.source"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file"}}]}]},
            "messages.0.content.0.source",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]},
            "messages.0.content.0.tool_use_id",
        ),
        ({"messages": [{"role": "assistant", "content": [{"type": "tool_use"}]}]}, "messages.0.content.0.id"),
        ({"system": [{"type": "image", "source": PNG}]}, "system"),
        ({"tools": {}, "stop_sequences": "x"}, "stop_sequences"),
        ({"tools": "x"}, "tools"),
        ({"tools": [{"input_schema": {}}]}, "tools.0.name"),
        ({"tools": [{"name": "w"}]}, "tools.0.input_schema"),
        ({"tools": [{"name": "w", "input_schema": {}}], "tool_choice": "auto"}, "tool_choice.type"),
        ({"thinking": None, "output_config": "x"}, "output_config"),
        ({"compare": ["a", "b"]}, "compare"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        chat_body(body(**fields))
    assert refused.value.param == path


def test_counting_needs_no_limit() -> None:
    asked = body()
    del asked["max_tokens"]
    assert counted_body(asked) == asked
    with pytest.raises(InvalidRequest):
        counted_body(asked | {"stream": True})
