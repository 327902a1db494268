"""Completions told as messages."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic.types import Message

from app.domain.calls import Usage
from app.domain.messages.answer import arguments_of, message_of
from tests.domain.messages.streamed import record

Json = dict[str, Any]


def completion(finish: str = "stop", **message: Any) -> Json:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {"id": "chatcmpl-1", "model": "gpt-x", "choices": [choice]}


def use(arguments: str, name: str = "w", call_id: str = "c1") -> Json:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_text_thoughts_tools_and_usage() -> None:
    calls = [use('{"b":1,"a":"ü"}'), use("", "v", "c2")]
    told = message_of(
        completion("tool_calls", content="Hi", reasoning_content="Hm", tool_calls=calls), record()
    )
    assert told["content"] == [
        {"type": "thinking", "thinking": "Hm", "signature": ""},
        {"type": "text", "text": "Hi"},
        {"type": "tool_use", "id": "c1", "name": "w", "input": {"b": 1, "a": "ü"}},
        {"type": "tool_use", "id": "c2", "name": "v", "input": {}},
    ]
    assert list(told["content"][2]["input"]) == ["b", "a"]
    assert (told["stop_reason"], told["id"], told["model"]) == ("tool_use", "msg_0190aa", "gpt-x")
    assert told["usage"]["input_tokens"] == 5 and told["usage"]["cache_read_input_tokens"] == 3
    assert Message.model_validate(told).content[1].text == "Hi"  # type: ignore[union-attr]


def test_tokens_of_thinking_are_told_apart() -> None:
    told = message_of(completion(content="x"), record(Usage(4, 9, reasoning_tokens=7)))
    assert told["usage"]["output_tokens_details"] == {"thinking_tokens": 7}


def test_signed_thoughts_stay_blocks() -> None:
    blocks = [
        {"type": "thinking", "thinking": "Hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
    ]
    told = message_of(completion(content="Hi", reasoning_content="Hm", thinking_blocks=blocks), record())
    assert told["content"] == [*blocks, {"type": "text", "text": "Hi"}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        ("{}", {}),
        ('{"a": 123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
        ('{"a": ', {"arguments": '{"a": '}),
        ("[1]", {"arguments": [1]}),
        ({"a": 1}, {"a": 1}),
        (None, {}),
    ],
)
def test_arguments_are_an_object(text: Any, value: Json) -> None:
    assert arguments_of(text) == value


def test_a_refusal_is_told_in_its_own_words() -> None:
    told = message_of(completion("content_filter", content=None, refusal="I can't."), record())
    assert told["content"][0]["text"] == "I can't." and told["stop_reason"] == "refusal"


def test_a_providers_own_message_is_passed_on() -> None:
    own = {
        "id": "msg_up",
        "type": "message",
        "model": "claude-up",
        "content": [{"type": "hologram"}],
        "usage": {"x": 1},
    }
    passed = record()
    passed.source = own
    assert message_of(completion(content="x"), passed) == own | {"model": "gpt-x"}
