"""Reasoning is found under one name, whoever answered (A11)."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.reasoning_fields import normalized


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"content": "a"}, {"content": "a"}),
        ({"content": "", "reasoning": "hm"}, {"content": "", "reasoning_content": "hm"}),
        ({"content": "a", "reasoning": None}, {"content": "a"}),
        ({"reasoning": "hm", "reasoning_content": "hm"}, {"reasoning_content": "hm"}),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                         {"type": "text", "text": "a"}, 5]},
            {"content": "a", "reasoning_content": "hm"},
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["delta", "message"])
def test_every_vendors_name_becomes_one(name: str, part: dict[str, Any], expected: dict[str, Any]) -> None:
    assert normalized({"choices": [{"index": 0, name: part}, 5]})["choices"][0][name] == expected


@pytest.mark.parametrize("name", ["delta", "message"])
def test_what_is_of_a_wrong_type_is_taken_out(name: str) -> None:
    odd = {"index": {}, "finish_reason": [], name: {"content": "a", "tool_calls": 5}}
    sound = {"index": 0, "finish_reason": None, name: {"content": "a", "tool_calls": []}}
    assert normalized({"choices": [odd]}) == {"choices": [sound]}
    odd = {"index": 0, "finish_reason": None, name: {"content": "a", "tool_calls": [5, {}]}}
    assert normalized({"choices": [odd]})["choices"][0][name]["tool_calls"] == [{}]
    usual = {"index": 1, "finish_reason": "stop", name: {"content": "a", "tool_calls": None}}
    assert normalized({"choices": [dict(usual)]}) == {"choices": [usual]}
