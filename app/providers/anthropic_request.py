"""OpenAI chat bodies turned into bodies of Anthropic's messages API: messages, tools and settings."""

from __future__ import annotations

from typing import Any

from app.domain.claude_models import claude
from app.domain.errors import InvalidRequest
from app.domain.strict_schemas import strict
from app.providers.anthropic_content import answer_blocks, result_block, system_blocks, user_blocks

SAME_NAMES = ("cache_control", "thinking")
DEFAULT_MAX_TOKENS = 4096
DEFAULT_MAX_TOKENS_WITH_THINKING = 16_384

Json = dict[str, Any]


def translate(body: Json, model: str, stream: bool) -> Json:
    """Return the body for `/v1/messages`; raises InvalidRequest for content that cannot be said there.

    The body was fitted to the model before: parameters that have no counterpart are simply not read.
    """
    system, messages = split_system(body.get("messages") or [])
    sent: Json = {"model": model, "max_tokens": max_tokens(body, model), "messages": messages}
    if system:
        sent["system"] = system
    sent.update(settings(body))
    if body.get("tools"):
        sent.update(tools(body))
    sent.update({name: body[name] for name in SAME_NAMES if body.get(name) is not None})
    output = {**(body.get("output_config") or {}), **output_format(body.get("response_format"))}
    if output:
        sent["output_config"] = output
    if isinstance(body.get("user"), str) and body["user"]:
        sent["metadata"] = {"user_id": body["user"]}
    if stream:
        sent["stream"] = True
    return sent


def split_system(messages: list[Any]) -> tuple[str | list[Json], list[Json]]:
    """Return what the system says and the conversation, neighbours of the same role merged into one."""
    system: list[Json] = []
    merged: list[Json] = []
    for index, message in enumerate(messages):
        place = f"messages.{index}"
        if not isinstance(message, dict):
            raise InvalidRequest("Each message must be an object.", param=place)
        if message.get("role") in ("system", "developer"):
            system += system_blocks(message, place)
            continue
        role, blocks = converted(message, place)
        if not blocks:
            continue
        if merged and merged[-1]["role"] == role:
            merged[-1]["content"] += blocks
        else:
            merged.append({"role": role, "content": blocks})
    trim_end(merged)
    if any("cache_control" in block for block in system):
        return system, merged
    return "\n\n".join(block["text"] for block in system), merged


def converted(message: Json, place: str) -> tuple[str, list[Json]]:
    """Return role and content blocks of one message; a tool's result is said by the user."""
    role = message.get("role")
    if role == "user":
        return "user", user_blocks(message.get("content"), place)
    if role == "assistant":
        return "assistant", answer_blocks(message, place)
    if role == "tool":
        return "user", [result_block(message, place)]
    raise InvalidRequest("A message's role must be system, developer, user, assistant or tool.", param=place)


def trim_end(messages: list[Json]) -> None:
    """Drop blanks at the end of an answer that the model shall continue: they are refused there."""
    if messages and messages[-1]["role"] == "assistant" and messages[-1]["content"][-1]["type"] == "text":
        last = messages[-1]["content"][-1]
        last["text"] = last["text"].rstrip()


def max_tokens(body: Json, model: str) -> int:
    """Return the maximum of output tokens, which this API requires; thinking spends some of them."""
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    thinking = body.get("thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    if isinstance(budget, int):
        return budget + DEFAULT_MAX_TOKENS
    thinks = isinstance(thinking, dict) or not claude(model).takes_sampling
    return DEFAULT_MAX_TOKENS_WITH_THINKING if thinks else DEFAULT_MAX_TOKENS


def settings(body: Json) -> Json:
    """Return stop sequences and the sampling settings."""
    found = {name: body[name] for name in ("temperature", "top_p", "top_k") if body.get(name) is not None}
    stop = body.get("stop")
    sequences = stop if isinstance(stop, list) else [stop]
    kept = [text for text in sequences if isinstance(text, str) and text.strip()]
    return found | ({"stop_sequences": kept} if kept else {})


def tools(body: Json) -> Json:
    """Return `tools` and `tool_choice`."""
    choice = body.get("tool_choice")
    allowed = allowed_names(choice)
    given = [tool(one, index) for index, one in enumerate(body.get("tools") or [])]
    kept = [one for one in given if allowed is None or one["name"] in allowed]
    if not kept:
        return {}
    return {"tools": kept} | tool_choice(choice, body.get("parallel_tool_calls"))


def tool(value: Any, index: int) -> Json:
    """Return one function as a tool; those that Anthropic itself defines are passed as they are."""
    if isinstance(value, dict) and value.get("type") != "function" and isinstance(value.get("name"), str):
        return value
    function = value.get("function") if isinstance(value, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise InvalidRequest("Only tools of the type function can be used here.", param=f"tools.{index}")
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    result: Json = {"name": function["name"], "input_schema": schema}
    if function.get("description"):
        result["description"] = function["description"]
    if function.get("strict"):
        result["strict"] = True
    if isinstance(value.get("cache_control"), dict):
        result["cache_control"] = value["cache_control"]
    return result


def allowed_names(choice: Any) -> set[str] | None:
    """Return the names in a choice of the type allowed_tools, None when all are allowed."""
    if not isinstance(choice, dict) or not isinstance(choice.get("allowed_tools"), dict):
        return None
    listed = choice["allowed_tools"].get("tools")
    listed = listed if isinstance(listed, list) else []
    functions = [one.get("function") for one in listed if isinstance(one, dict)]
    return {one["name"] for one in functions if isinstance(one, dict) and isinstance(one.get("name"), str)}


def tool_choice(choice: Any, parallel: Any) -> Json:
    """Return `tool_choice`, which also says whether several tools may be used at once."""
    if isinstance(choice, dict) and isinstance(choice.get("allowed_tools"), dict):
        choice = choice["allowed_tools"].get("mode", "auto")
    if isinstance(choice, dict):
        named = choice.get("function")
        name = named.get("name") if isinstance(named, dict) else None
        if not isinstance(name, str):
            raise InvalidRequest("tool_choice must name a function.", param="tool_choice")
        result: Json = {"type": "tool", "name": name}
    else:
        kinds = {None: None, "auto": "auto", "none": "none", "required": "any"}
        if not isinstance(choice, str | None) or choice not in kinds:
            raise InvalidRequest(
                "tool_choice must be auto, none, required or a function.", param="tool_choice"
            )
        result = {"type": kinds[choice]} if kinds[choice] else {}
    if parallel is False and result.get("type") != "none":
        result = {"type": "auto"} | result | {"disable_parallel_tool_use": True}
    return {"tool_choice": result} if result else {}


def output_format(wanted: Any) -> Json:
    """Return the format of an answer that must fit a JSON schema."""
    if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
        return {}
    described = wanted.get("json_schema")
    schema = described.get("schema") if isinstance(described, dict) else None
    if not isinstance(schema, dict):
        raise InvalidRequest("response_format must hold a schema.", param="response_format")
    return {"format": {"type": "json_schema", "schema": strict(schema)}}
