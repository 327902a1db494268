"""What Anthropic's API knows under another name, what it clamps, and what of OpenAI's it does not know."""

from __future__ import annotations

from typing import Any

from app.domain.claude_models import Claude, claude
from app.domain.errors import InvalidRequest
from app.domain.fitted import Fitted
from app.domain.thinking import ASKING, anthropic_thinking, asked_effort

SAMPLING = ("temperature", "top_p", "top_k")
MOST_TEMPERATURE = 1  # theirs ends where OpenAI's is at half (O15)
TAKEN = frozenset(
    {
        "messages", "max_tokens", "max_completion_tokens", "stop", "temperature", "top_p", "top_k",
        "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call",
        "response_format", "user", "thinking", "output_config", "cache_control",
    }
)  # fmt: skip


def fit_anthropic(fitted: Fitted, model: str) -> None:
    """Fit a body to a model that is asked in Anthropic's dialect."""
    ways, body = claude(model), fitted.body
    if not body.keys() <= TAKEN:
        say_who(body)
    think(fitted, ways)
    thinks = body.get("thinking", {}).get("type") in ("enabled", "adaptive")
    if thinks or not ways.takes_sampling:
        fitted.drop(*SAMPLING)
    clamp(fitted)
    if fitted.format == "json_object":
        fitted.ask_in_words()
    if body.get("tools"):
        keep_functions(fitted)
    if not body.keys() <= TAKEN:
        fitted.drop(*sorted(body.keys() - TAKEN))


def say_who(body: dict[str, Any]) -> None:
    """Name the end user by whatever field the client used."""
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("user_id"), str):
        body.setdefault("user", metadata["user_id"])
        body["metadata"] = {name: value for name, value in metadata.items() if name != "user_id"}
    identifier = body.pop("safety_identifier", None)
    if isinstance(identifier, str) and not body.get("user"):
        body["user"] = identifier


def think(fitted: Fitted, ways: Claude) -> None:
    """Put thinking and effort as this model takes them in place of whatever asked for them."""
    body, effort = fitted.body, asked_effort(fitted.body)
    if effort is None:
        keep_effort(body, ways)
        fitted.drop(*ASKING)
        return
    name = next(name for name in ASKING if body.get(name) is not None)
    found, why = anthropic_thinking(body, effort, ways)
    fitted.drop_quietly(*ASKING, "output_config")
    if "thinking" in found:
        body["thinking"] = found["thinking"]
    if "effort" in found:
        body["output_config"] = {"effort": found["effort"]}
    if why:
        fitted.say(f"{name} {why}, for {fitted.model_id}" if found else f"{name} {why} and was dropped")


def keep_effort(body: dict[str, Any], ways: Claude) -> None:
    """Keep an effort that stands alone where the model knows it."""
    output = body.pop("output_config", None)
    if isinstance(output, dict) and output.get("effort") in ways.efforts:
        body["output_config"] = {"effort": output["effort"]}


def clamp(fitted: Fitted) -> None:
    """Keep temperature in range, and only one of temperature and top_p: both at once are refused."""
    body = fitted.body
    temperature = body.get("temperature")
    if isinstance(temperature, int | float) and temperature > MOST_TEMPERATURE:
        body["temperature"] = MOST_TEMPERATURE
        fitted.say(f"temperature was lowered to {MOST_TEMPERATURE}, the most that {fitted.model_id} takes")
    if temperature is not None and body.get("top_p") is not None:
        if body.pop("top_p") != 1:
            fitted.say(f"top_p is not supported by {fitted.model_id} beside temperature and was dropped")


def keep_functions(fitted: Fitted) -> None:
    """Leave out tools that only OpenAI's models can call; Anthropic's own kinds pass as they are."""
    tools = fitted.body["tools"]
    if not isinstance(tools, list):
        raise InvalidRequest("'tools' must be a list.", param="tools")
    kept = [
        tool
        for tool in tools
        if not isinstance(tool, dict) or tool.get("type") != "custom" or "custom" not in tool
    ]
    if len(kept) < len(tools):
        fitted.body["tools"] = kept
        fitted.say(f"tools of the type custom are not supported by {fitted.model_id} and were dropped")
