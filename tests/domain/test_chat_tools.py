"""Tools of another dialect's client at models that do not know them; results that say they failed."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.chat_messages import for_chat
from app.domain.chat_tools import fit_tools
from app.domain.fitted import Fitted

MARK = {"cache_control": {"type": "ephemeral"}}
FUNCTION: dict[str, Any] = {"type": "function", "function": {"name": "w"}}
OWN = [{"type": "web_search_20250305", "name": "web_search"}, {"type": "mcp_toolset", "mcp_server_name": "x"}]
NAMED = {"type": "function", "function": {"name": "web_search"}}


def fitted(**body: Any) -> Fitted:
    return Fitted(body, "openai/gpt-x")


@pytest.mark.parametrize("strict", [True, False])
def test_anthropics_own_tools_are_dropped_and_named(strict: bool) -> None:
    found = fitted(tools=[*OWN, FUNCTION | MARK], tool_choice=NAMED)
    fit_tools(found, strict=strict)
    assert found.body == {"tools": [FUNCTION if strict else FUNCTION | MARK]}
    assert "web_search_20250305, mcp_toolset" in found.changed[0]


def test_without_tools_there_is_nothing_to_choose() -> None:
    found = fitted(tools=OWN, tool_choice="required", parallel_tool_calls=False)
    fit_tools(found, strict=True)
    assert found.body == {}


@pytest.mark.parametrize("tools", [[FUNCTION, {"type": "custom", "custom": {"name": "c"}}], "odd", [5]])
def test_what_is_not_anthropics_stays(tools: Any) -> None:
    found = fitted(tools=tools, tool_choice="auto")
    fit_tools(found, strict=True)
    assert found.body == {"tools": tools, "tool_choice": "auto"} and not found.changed


def test_a_result_that_failed_says_so() -> None:
    text = {"type": "text", "text": "No."}
    for content, told in (
        ("No.", "[The tool failed.] No."),
        ([text], [{"type": "text", "text": "[The tool failed.]"}, text]),
    ):
        message = {"role": "tool", "tool_call_id": "t", "content": content, "is_error": True}
        assert for_chat([message], "") == [{"role": "tool", "tool_call_id": "t", "content": told}]
