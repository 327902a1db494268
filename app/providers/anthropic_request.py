"""OpenAI chat bodies turned into bodies of Anthropic's messages API: messages, tools and settings."""

from __future__ import annotations

import re
from typing import Any

from app.domain.errors import InvalidRequest
from app.providers.anthropic_content import answer_blocks, result_block, system_texts, user_blocks

MOST_TEMPERATURE = 1  # theirs ends where OpenAI's is at half (O15)
SAME_NAMES = ("thinking", "cache_control")
DEFAULT_MAX_TOKENS = 4096
DEFAULT_MAX_TOKENS_WITH_THINKING = 16_384
OLD_CLAUDE = re.compile(r"claude-(?:instant|[123](?![0-9]))")
NEWER_CLAUDE = re.compile(r"claude-(opus|sonnet|haiku)-([0-9]{1,2})(?:-([0-9]{1,2}))?(?![0-9])")

Json = dict[str, Any]


def translate(body: Json, model: str, stream: bool) -> Json:
    """Return the body for `/v1/messages`; raises InvalidRequest for what cannot be said there."""
    check(body)
    system, messages = split_system(body.get("messages") or [])
    sent: Json = {"model": model, "max_tokens": max_tokens(body, model), "messages": messages}
    if system:
        sent["system"] = system
    sent.update(settings(body, model))
    sent.update(tools(body))
    sent.update({name: body[name] for name in SAME_NAMES if body.get(name) is not None})
    output = output_format(body.get("response_format"))
    if output is not None:
        sent["output_config"] = {"format": output}
    if isinstance(body.get("user"), str) and body["user"]:
        sent["metadata"] = {"user_id": body["user"]}
    if stream:
        sent["stream"] = True
    return sent


def check(body: Json) -> None:
    """Raise InvalidRequest for options that would change the answer's meaning if they were dropped."""
    if body.get("n") not in (None, 1):
        raise InvalidRequest("This model gives one answer per call: set n to 1.", param="n")
    if body.get("functions"):
        raise InvalidRequest("This model takes tools, not the older functions.", param="functions")


def split_system(messages: list[Any]) -> tuple[str, list[Json]]:
    """Return the system text and the conversation, neighbours of the same role merged into one message."""
    system: list[str] = []
    merged: list[Json] = []
    for index, message in enumerate(messages):
        place = f"messages.{index}"
        if not isinstance(message, dict):
            raise InvalidRequest("Each message must be an object.", param=place)
        if message.get("role") in ("system", "developer"):
            system += system_texts(message, place)
            continue
        role, blocks = converted(message, place)
        if not blocks:
            continue
        if merged and merged[-1]["role"] == role:
            merged[-1]["content"] += blocks
        else:
            merged.append({"role": role, "content": blocks})
    trim_end(merged)
    return "\n\n".join(system), merged


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
    """Return the maximum of output tokens, which this API requires; later models spend some on thinking."""
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return DEFAULT_MAX_TOKENS if takes_sampling(model) else DEFAULT_MAX_TOKENS_WITH_THINKING


def settings(body: Json, model: str) -> Json:
    """Return stop sequences and, where the model takes them, temperature or top_p: never both."""
    found: Json = {}
    temperature, top_p = body.get("temperature"), body.get("top_p")
    if takes_sampling(model) and temperature is not None:
        found["temperature"] = min(temperature, MOST_TEMPERATURE)
    elif takes_sampling(model) and top_p is not None:
        found["top_p"] = top_p
    stop = body.get("stop")
    sequences = [stop] if isinstance(stop, str) else stop or []
    kept = [text for text in sequences if isinstance(text, str) and text.strip()]
    return found | ({"stop_sequences": kept} if kept else {})


def takes_sampling(model: str) -> bool:
    """Tell whether a model accepts temperature and top_p. Claude models after 4.6 (Haiku: 4.5) answer 400."""
    if "claude" not in model or OLD_CLAUDE.search(model):
        return True
    found = NEWER_CLAUDE.search(model)
    if found is None:
        return False
    return (int(found[2]), int(found[3] or 0)) <= ((4, 5) if found[1] == "haiku" else (4, 6))


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
    """Return one function as a tool; raises InvalidRequest for other kinds."""
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
    listed = choice["allowed_tools"].get("tools") or []
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
        if choice not in kinds:
            raise InvalidRequest(
                "tool_choice must be auto, none, required or a function.", param="tool_choice"
            )
        result = {"type": kinds[choice]} if kinds[choice] else {}
    if parallel is False and result.get("type") != "none":
        result = {"type": "auto"} | result | {"disable_parallel_tool_use": True}
    return {"tool_choice": result} if result else {}


def output_format(wanted: Any) -> Json | None:
    """Return the format of an answer that must fit a JSON schema; a plain json_object has no counterpart."""
    if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
        return None
    described = wanted.get("json_schema")
    schema = described.get("schema") if isinstance(described, dict) else None
    if not isinstance(schema, dict):
        raise InvalidRequest("response_format must hold a schema.", param="response_format")
    return {"type": "json_schema", "schema": schema}
