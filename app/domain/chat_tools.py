"""The tools of a request made fit for OpenAI's dialect, where they may come from a client of another one."""

from __future__ import annotations

import re
from typing import Any

from app.domain.fitted import Fitted

ANTHROPICS_OWN = re.compile(r"[a-z_0-9]+_20[0-9]{6}|mcp_toolset")  # web_search_20250305, bash_20250124 …


def fit_tools(fitted: Fitted, *, strict: bool) -> None:
    """Leave out the tools that Anthropic defines; where the API is strict, the mark of its cache, too."""
    tools = fitted.body.get("tools")
    if not isinstance(tools, list):
        return
    kept = [tool for tool in tools if not is_anthropics(tool)]
    if len(kept) < len(tools):
        left_out = [str(tool.get("type")) for tool in tools if is_anthropics(tool)]
        fitted.say(
            f"tools {', '.join(left_out)[:200]} are not supported by {fitted.model_id} and were dropped"
        )
        forget_choice(fitted, kept)
    fitted.body["tools"] = [without_mark(tool) for tool in kept] if strict else kept
    if not kept:
        fitted.drop_quietly("tools", "parallel_tool_calls")


def is_anthropics(tool: Any) -> bool:
    """Say whether a tool is of a kind that Anthropic defines."""
    kind = tool.get("type") if isinstance(tool, dict) else None
    return isinstance(kind, str) and ANTHROPICS_OWN.fullmatch(kind) is not None


def forget_choice(fitted: Fitted, kept: list[Any]) -> None:
    """Leave out the choice of a tool that is not there any more."""
    choice = fitted.body.get("tool_choice")
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    functions = [tool.get("function") for tool in kept if isinstance(tool, dict)]
    names = [function.get("name") for function in functions if isinstance(function, dict)]
    if not kept or (name is not None and name not in names):
        fitted.drop_quietly("tool_choice")


def without_mark(tool: Any) -> Any:
    """Return a tool without the mark that Anthropic's cache reads."""
    if isinstance(tool, dict) and "cache_control" in tool:
        return {name: value for name, value in tool.items() if name != "cache_control"}
    return tool
