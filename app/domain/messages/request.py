"""Bodies of Anthropic's messages as chat bodies: what has a counterpart is translated, the rest stays.

A body that goes to a provider of this dialect goes out as it came; what is read here is for all others.
"""

from __future__ import annotations

import hashlib
from typing import Any

from app.domain.errors import InvalidRequest
from app.domain.messages.conversation import messages_of, system_messages

Json = dict[str, Any]
REQUIRED = "Field required"
TRANSLATED = frozenset(
    {
        "system", "messages", "tools", "tool_choice", "stop_sequences", "metadata", "output_config",
        "output_format", "service_tier",
    }
)  # fmt: skip
TIERS = {"auto": "auto", "standard_only": "default"}
LONGEST_USER = 64  # OpenAI takes no longer one
CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def chat_body(body: Json) -> Json:
    """Return the chat body that a messages body stands for; InvalidRequest names what is wrong."""
    limit = body.get("max_tokens")
    if limit is None:
        raise InvalidRequest(REQUIRED, param="max_tokens")
    if type(limit) is not int or limit < 1:
        raise InvalidRequest("Input should be a whole number of at least 1", param="max_tokens")
    return translated(body)


def counted_body(body: Json) -> Json:
    """Return the chat body of a request whose tokens are to be counted: it sets no limit, and no stream."""
    if body.get("stream"):
        raise InvalidRequest("Extra inputs are not permitted", param="stream")
    return translated(body)


def translated(body: Json) -> Json:
    """Return the chat body, whatever is asked for."""
    if body.get("compare") is not None:
        raise InvalidRequest("Models are compared at /v1/chat/completions", param="compare")
    chat = {name: value for name, value in body.items() if name not in TRANSLATED and value is not None}
    chat["messages"] = [*system_messages(body.get("system"), "system"), *messages_of(body.get("messages"))]
    chat.update(tool_fields(body), **stop_fields(body), **format_fields(body), **effort_fields(body))
    user, tier = end_user(body.get("metadata")), body.get("service_tier")
    if user:
        chat["user"] = user
    if tier is not None:
        chat["service_tier"] = TIERS.get(tier, tier) if isinstance(tier, str) else tier
    return chat


def end_user(metadata: Any) -> str | None:
    """Return the client's own id of its user; one that is too long for others gets a short form."""
    user = metadata.get("user_id") if isinstance(metadata, dict) else None
    if not isinstance(user, str) or len(user) <= LONGEST_USER:
        return user if isinstance(user, str) else None
    return hashlib.sha256(user.encode(errors="replace")).hexdigest()


def stop_fields(body: Json) -> Json:
    """Return the texts at which the answer stops."""
    given = body.get("stop_sequences")
    if given is None:
        return {}
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        raise InvalidRequest("Input should be a list of texts", param="stop_sequences")
    return {"stop": given} if given else {}


def format_fields(body: Json) -> Json:
    """Return the schema that the answer must fit."""
    given = object_of(body, "output_config").get("format") or object_of(body, "output_format")
    if not isinstance(given, dict) or given.get("type") != "json_schema":
        return {}
    described = {"name": "answer", "schema": given.get("schema"), "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def effort_fields(body: Json) -> Json:
    """Return how much effort to spend; beside `thinking`, which says it too, its own name stays."""
    rest = {name: value for name, value in object_of(body, "output_config").items() if name != "format"}
    effort = rest.get("effort")
    if not isinstance(effort, str) or body.get("thinking") is not None:
        return {"output_config": rest} if rest else {}
    return {"reasoning_effort": "xhigh" if effort == "max" else effort}


def object_of(body: Json, name: str) -> Json:
    """Return an object of the body, empty when absent."""
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise InvalidRequest("Input should be an object", param=name)
    return value or {}


def tool_fields(body: Json) -> Json:
    """Return the tools, and which of them may be used."""
    given = body.get("tools") or []
    if not isinstance(given, list):
        raise InvalidRequest("Input should be a list of tools", param="tools")
    tools = [tool(one, f"tools.{index}") for index, one in enumerate(given)]
    return {"tools": tools, **choice_fields(body.get("tool_choice"))} if tools else {}


def tool(given: Any, place: str) -> Json:
    """Return one tool as a function; those that Anthropic itself defines stay as they are."""
    if not isinstance(given, dict):
        raise InvalidRequest("Input should be an object", param=place)
    if given.get("type") not in (None, "custom"):
        return given
    if not isinstance(given.get("name"), str) or not given["name"]:
        raise InvalidRequest(REQUIRED, param=f"{place}.name")
    if not isinstance(given.get("input_schema"), dict):
        raise InvalidRequest(REQUIRED, param=f"{place}.input_schema")
    function = {
        name: given[name] for name in ("name", "description", "strict") if given.get(name) is not None
    }
    kept = {"cache_control": given["cache_control"]} if isinstance(given.get("cache_control"), dict) else {}
    return {"type": "function", "function": {**function, "parameters": given["input_schema"]}, **kept}


def choice_fields(given: Any) -> Json:
    """Return which tool to use, and whether several may be used at once."""
    if given is None:
        return {}
    kind = given.get("type") if isinstance(given, dict) else None
    alone = {"parallel_tool_calls": False} if kind and given.get("disable_parallel_tool_use") is True else {}
    if isinstance(kind, str) and kind in CHOICES:
        return {"tool_choice": CHOICES[kind], **alone}
    if kind != "tool":
        raise InvalidRequest("Input should be one of: auto, any, tool, none", param="tool_choice.type")
    if not isinstance(given.get("name"), str):
        raise InvalidRequest(REQUIRED, param="tool_choice.name")
    return {"tool_choice": {"type": "function", "function": {"name": given["name"]}}, **alone}
