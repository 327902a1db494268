"""Chunks joined into a completion and completions cut into chunks say the same."""

from __future__ import annotations

from typing import Any

from openai.types.chat import ChatCompletion, ChatCompletionChunk

from app.domain.chat import finish_reason, join, split


def chunk(delta: dict[str, Any], index: int = 0, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 5, "model": "m"}
    return base | {"choices": [choice]} | more


CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}


def test_text_tools_and_usage_are_joined() -> None:
    completion = join(
        [
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": "He"}),
            chunk({"content": "llo", "reasoning_content": "think"}),
            chunk({"tool_calls": [CALL]}),
            chunk(
                {"tool_calls": [{"index": 1, "id": "call_2", "function": {"name": "g", "arguments": "{}"}}]}
            ),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]}),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}),
            chunk({}, finish="tool_calls"),
            {
                **chunk({}),
                "choices": [],
                "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
            },
        ]
    )
    [choice] = completion["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"] == {
        "role": "assistant",
        "content": "Hello",
        "reasoning_content": "think",
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
            {"id": "call_2", "function": {"name": "g", "arguments": "{}"}},
        ],
    }
    assert completion["object"] == "chat.completion"
    assert completion["usage"]["total_tokens"] == 3


def test_several_choices_stay_apart_and_in_order() -> None:
    completion = join(
        [chunk({"content": "b"}, 1), chunk({"content": "a"}), chunk({}, 1, "stop"), chunk({}, 0, "length")]
    )
    found = [(c["index"], c["message"]["content"], c["finish_reason"]) for c in completion["choices"]]
    assert found == [(0, "a", "length"), (1, "b", "stop")]


def test_logprobs_and_repeated_roles_are_joined() -> None:
    first, second = chunk({"role": "assistant", "content": "a"}), chunk({"role": "assistant", "content": "b"})
    first["choices"][0]["logprobs"] = {"content": [{"token": "a"}]}
    second["choices"][0]["logprobs"] = {"content": [{"token": "b"}]}
    [choice] = join([first, second])["choices"]
    assert choice["message"]["role"] == "assistant"
    assert choice["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}]}


def test_joining_does_not_change_the_chunks() -> None:
    chunks = [
        chunk({"tool_calls": [dict(CALL)]}),
        chunk({"tool_calls": [dict(CALL, function={"arguments": "x"})]}),
    ]
    before = repr(chunks)
    join(chunks)
    assert repr(chunks) == before


def test_strange_chunks_do_no_harm() -> None:
    strange: list[dict[str, Any]] = [
        {}, {"choices": None}, {"choices": "x"}, {"choices": [1]}, {"choices": [{"delta": 5}]},
        {"choices": [{"index": "x", "delta": {"content": "a"}}]},
        {"choices": [{"index": -1, "delta": {"content": "b"}}]},
        {"choices": [{"delta": {"content": ["c"], "a": None}}]}, {"choices": [{"delta": {"a": {"b": 1}}}]},
        {"choices": [{"delta": {"tool_calls": ["c", {"index": []}]}}]},
    ]  # fmt: skip
    assert join(strange)["choices"][0]["index"] == 0
    assert all(finish_reason(one) is None for one in strange)


def test_cutting_and_joining_gives_the_same_completion() -> None:
    message = {
        "role": "assistant",
        "content": "Hello",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    completion = {
        "id": "c1", "object": "chat.completion", "created": 5, "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }  # fmt: skip
    chunks = list(split(completion))
    for one in chunks:
        ChatCompletionChunk.model_validate(one, strict=True)
    ChatCompletion.model_validate(join(chunks), strict=True)
    assert join(chunks) == completion
