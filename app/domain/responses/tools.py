"""The tools of a Responses body: functions as in a chat; a custom tool becomes a function with one text."""

from __future__ import annotations

from typing import Any

import orjson

from app.domain.errors import InvalidRequest

Json = dict[str, Any]
PLAIN_CHOICES = ("auto", "none", "required")
PLUGINS = {"web_search": "web-search", "code_interpreter": "code-exec"}
CUSTOM_SCHEMA: Json = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "What the tool gets, as plain text."}},
    "required": ["input"],
    "additionalProperties": False,
}


def tools_of(body: Json) -> list[Json]:
    """Return the tools for a chat body; InvalidRequest for those that only OpenAI's own servers run."""
    given = body.get("tools") or []
    if not isinstance(given, list):
        raise InvalidRequest("'tools' must be a list.", param="tools")
    return [tool(one, f"tools[{index}]") for index, one in enumerate(given) if plugin_of(one) is None]


def plugins_of(body: Json) -> list[str]:
    """Return the plugins that do here what some of the tools do at OpenAI."""
    given = body.get("tools")
    found = [plugin_of(one) for one in given] if isinstance(given, list) else []
    return list(dict.fromkeys(name for name in found if name is not None))


def plugin_of(given: Any) -> str | None:
    """Return the plugin that stands in for one of OpenAI's own tools; their kinds may end in a date."""
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(kind, str):
        return None
    return next((plugin for start, plugin in PLUGINS.items() if kind.startswith(start)), None)


def tool(given: Any, place: str) -> Json:
    """Return one tool."""
    kind = given.get("type") if isinstance(given, dict) else None
    if kind not in ("function", "custom"):
        raise InvalidRequest(
            f"Tools of the type '{kind}' run at OpenAI only. Send function tools here, name one of this"
            " gateway's 'plugins', or call a provider's own route: /v1/{provider}/responses.",
            param=place,
        )
    if not isinstance(given.get("name"), str) or not given["name"]:
        raise InvalidRequest("A tool needs a name.", param=f"{place}.name")
    return function(given) if kind == "function" else custom(given)


def function(given: Json) -> Json:
    """Return a function tool."""
    named = {name: given[name] for name in ("name", "description", "parameters", "strict")
             if given.get(name) is not None}  # fmt: skip
    cached = {"cache_control": given["cache_control"]} if isinstance(given.get("cache_control"), dict) else {}
    return {"type": "function", "function": named, **cached}


def custom(given: Json) -> Json:
    """Return a tool that takes plain text as a function with one argument; a grammar is told in words."""
    told = [given["description"]] if isinstance(given.get("description"), str) else []
    wanted = given.get("format")
    if isinstance(wanted, dict) and isinstance(wanted.get("definition"), str):
        told.append(f"The input must fit this {wanted.get('syntax') or ''} grammar:\n{wanted['definition']}")
    described = {"description": "\n\n".join(told)} if told else {}
    return {"type": "function", "function": {"name": given["name"], **described, "parameters": CUSTOM_SCHEMA}}


def custom_names(body: Json) -> frozenset[str]:
    """Return the names of the tools that take plain text."""
    given = body.get("tools")
    custom_ones = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    return frozenset(str(one.get("name")) for one in custom_ones if one.get("type") == "custom")


def custom_arguments(text: str) -> str:
    """Return a custom tool's text as the arguments of its function."""
    return orjson.dumps({"input": text}).decode()


def custom_input(arguments: str) -> str:
    """Return the text in a custom tool's arguments; a model that wrote something else is quoted as it is."""
    try:
        value = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return arguments
    found = value.get("input") if isinstance(value, dict) else None
    return found if isinstance(found, str) else arguments


def tool_choice(given: Any) -> Any:
    """Return the choice of tools as chat has it; None when absent."""
    if given is None or (isinstance(given, str) and given in PLAIN_CHOICES):
        return given
    kind = given.get("type") if isinstance(given, dict) else None
    if kind in ("function", "custom") and isinstance(given.get("name"), str):
        return named(given)
    if kind == "allowed_tools" and isinstance(given.get("tools"), list):
        chosen = [named(one) for one in given["tools"] if isinstance(one, dict) and one.get("name")]
        allowed = {"mode": given.get("mode") or "auto", "tools": chosen}
        return {"type": "allowed_tools", "allowed_tools": allowed}
    raise InvalidRequest(
        "'tool_choice' must be auto, none, required, or name tools of this request.", param="tool_choice"
    )


def named(tool: Json) -> Json:
    """Return the choice of one tool."""
    return {"type": "function", "function": {"name": str(tool["name"])}}
