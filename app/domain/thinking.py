"""How much a model shall think: OpenAI's effort and Anthropic's thinking, each in the other's words."""

from __future__ import annotations

from typing import Any

from app.domain.claude_models import ADAPTIVE, NONE, Claude

BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 32_768, "max": 65_536}
LEAST_BUDGET = 1024
ASKING = ("reasoning_effort", "reasoning", "thinking")

Json = dict[str, Any]


def asked_effort(body: Json) -> str | None:
    """Return the effort that a body asks for in whatever words; `none` switches thinking off."""
    effort, reasoning, thinking = (body.get(name) for name in ASKING)
    if isinstance(effort, str) and effort:
        return effort
    if isinstance(reasoning, dict):
        return reasoning_effort(reasoning)
    if isinstance(thinking, dict):
        return thinking_effort(thinking, body.get("output_config"))
    return None


def reasoning_effort(reasoning: Json) -> str | None:
    """Return the effort of a `reasoning` object, as some gateways spell it."""
    if reasoning.get("enabled") is False:
        return "none"
    if isinstance(reasoning.get("effort"), str):
        return str(reasoning["effort"])
    if is_budget(reasoning.get("max_tokens")):
        return effort_of(reasoning["max_tokens"])
    return "medium" if reasoning.get("enabled") else None


def thinking_effort(thinking: Json, output: Any) -> str | None:
    """Return the effort of Anthropic's `thinking`."""
    if thinking.get("type") in ("disabled", "between_tools"):
        return "none"
    effort = output.get("effort") if isinstance(output, dict) else None
    if isinstance(effort, str):
        return effort
    return effort_of(thinking["budget_tokens"]) if is_budget(thinking.get("budget_tokens")) else "high"


def effort_of(budget: int) -> str:
    """Return the effort that comes nearest to a budget of tokens."""
    return next((name for name in ("low", "medium", "high") if budget <= BUDGETS[name]), "high")


def has_budget(body: Json) -> bool:
    """Say whether the client itself asks for thinking with a budget."""
    thinking = body.get("thinking")
    return isinstance(thinking, dict) and thinking.get("type") == "enabled"


def is_budget(value: Any) -> bool:
    """Say whether a value is a number of tokens."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def anthropic_thinking(body: Json, effort: str, model: Claude) -> tuple[Json, str]:
    """Return what asks a Claude model for so much thinking, and what had to give way, in words.

    Its fields replace `thinking` and the effort of `output_config`.
    """
    if model.thinking == NONE:
        return {}, "" if effort == "none" else "is not supported"
    if effort == "none":
        return switched_off(model)
    if model.thinking == ADAPTIVE and not (model.takes_budget and has_budget(body)):
        return adaptive(body, effort, model)
    budget = budget_for(body, effort)
    if budget is None:
        return {}, "does not fit into max_tokens"
    if forces_tool(body):
        return {}, "cannot be combined with a forced tool"
    if lacks_thoughts(body.get("messages")):
        return {}, "needs the thinking_blocks of the earlier tool calls"
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}, ""


def switched_off(model: Claude) -> tuple[Json, str]:
    """Return what makes a model not think, the least effort where nothing does."""
    if model.switched_off == "":
        return {"effort": "low"}, "none is not possible: low was used"
    return ({"thinking": {"type": model.switched_off}} if model.switched_off else {}), ""


def adaptive(body: Json, effort: str, model: Claude) -> tuple[Json, str]:
    """Return adaptive thinking with its effort; a forced tool leaves the effort alone."""
    known = {"minimal": "low"}.get(effort, effort)
    note = ""
    if known not in model.efforts:
        known, note = "high", f"{effort[:20]!r} is not possible: high was used"
    own = body.get("thinking")
    if forces_tool(body):
        return {"effort": known}, note
    if isinstance(own, dict) and own.get("type") == ADAPTIVE:
        return {"thinking": own, "effort": known}, note
    return {"thinking": {"type": ADAPTIVE, "display": "summarized"}, "effort": known}, note


def budget_for(body: Json, effort: str) -> int | None:
    """Return the tokens for thinking: fewer than the maximum of the answer; None when that leaves too few."""
    thinking, reasoning = body.get("thinking"), body.get("reasoning")
    given = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    if given is None and isinstance(reasoning, dict):
        given = reasoning.get("max_tokens")
    is_given = isinstance(given, int) and given > 0
    budget = max(LEAST_BUDGET, given or 0) if is_given else BUDGETS.get(effort, BUDGETS["high"])
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    if not isinstance(most, int):
        return budget
    room = most - 1 if is_given else most * 4 // 5
    return min(budget, room) if room >= LEAST_BUDGET else None


def forces_tool(body: Json) -> bool:
    """Say whether the body forces a tool to be used, which thinking does not go with."""
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        allowed = choice.get("allowed_tools")
        return not isinstance(allowed, dict) or allowed.get("mode") == "required"
    return choice == "required"


def lacks_thoughts(messages: Any) -> bool:
    """Say whether the tool calls under way came without their thoughts, which a model with a budget needs."""
    for message in reversed(messages if isinstance(messages, list) else []):
        if not isinstance(message, dict) or message.get("role") == "user":
            return False
        if message.get("role") == "assistant" and message.get("tool_calls"):
            return not message.get("thinking_blocks")
    return False
