"""What a body may not ask of a provider: other tenants' things, and what nobody here knows the price of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from app.domain.bodies import encoded
from app.domain.errors import InvalidRequest, ScopeExceeded
from app.domain.key_rules import KeyRules

# These name things that belong to the provider's account, which all tenants share.
FOREIGN = ("file_id", "file_ids", "vector_store_ids", "container", "container_id")
FOREIGN_NAMES = frozenset(FOREIGN)
FOREIGN_TEXT = (
    "'{name}' names something in the provider's account, which others share, so it is not passed on. "
    "Send the content itself."
)
WHOLE_BODY_FOREIGN = ("conversation", "prompt")
BACKGROUND_TEXT = (
    "'background' is not passed on: the answer would be made, and cost, after this call. Leave it out."
)
PRICED_TEXT = (
    "'{name}' has a price of its own at the provider, which is not counted here, and this key's money is: "
    "it has a prepaid balance or a budget. Leave it out."
)
KEPT_FOR_AN_HOUR = re.compile(rb'"cache_control":\{[^{}]*"ttl":"1h"')  # dearer than five minutes
PRICED = ("web_search_options", "mcp_servers", "plugins", "models")  # models: others to fall back to
# The client's own words stand under these names: what looks like an id there is none.
OPAQUE = frozenset({"metadata", "parameters", "input_schema", "schema", "json_schema", "properties"})
NESTING = frozenset({dict, list})
OWN_TOOLS = frozenset({"function", "custom", "text_editor", "bash", "memory", "local_shell", "shell"})


def check_body(body: dict[str, Any], *, counts_money: bool) -> None:
    """Raise InvalidRequest, saying why, for what cannot be passed on."""
    if body.get("background"):
        raise InvalidRequest(BACKGROUND_TEXT, param="background")
    for name in WHOLE_BODY_FOREIGN:
        if body.get(name) is not None:
            raise InvalidRequest(FOREIGN_TEXT.format(name=name), param=name)
    foreign = foreign_name(body)
    if foreign is not None:
        raise InvalidRequest(FOREIGN_TEXT.format(name=foreign), param=foreign)
    priced = next(priced_names(body), None) if counts_money else None
    if priced is not None:
        raise InvalidRequest(PRICED_TEXT.format(name=priced), param="tools")


def check_fallbacks(body: dict[str, Any], rules: KeyRules) -> None:
    """Raise ScopeExceeded where the provider itself would fall back to models that the key may not use."""
    if body.get("models") is not None and (rules.models or rules.min_quality):
        text = "This key may use certain models only, so 'models' is not passed on. Leave it out."
        raise ScopeExceeded(text, param="models")


def foreign_name(value: Any) -> str | None:
    """Return the first name under which an id of the provider's account stands, or a reference to a stored
    item; None where there is none. Values are of plain JSON.
    """
    if value.__class__ is dict:
        kind = value.get("type")
        if not FOREIGN_NAMES.isdisjoint(value) or kind == "item_reference":
            if (found := foreign_here(value)) is not None:
                return found
        is_tool_use = kind == "tool_use"
        for name, inner in value.items():
            if inner.__class__ not in NESTING or name in OPAQUE or (is_tool_use and name == "input"):
                continue
            if (found := foreign_name(inner)) is not None:
                return found
    elif value.__class__ is list:
        for item in value:
            if item.__class__ in NESTING and (found := foreign_name(item)) is not None:
                return found
    return None


def foreign_here(value: dict[str, Any]) -> str | None:
    """Return the same of one object alone."""
    if value.get("type") == "item_reference":
        return "item_reference"
    return next((name for name in FOREIGN if is_id(value.get(name))), None)


def is_id(value: Any) -> bool:
    """Say whether a value is an id or a list of ids."""
    return (isinstance(value, str) and value != "") or (
        isinstance(value, list) and any(isinstance(item, str) for item in value)
    )


def priced_names(body: dict[str, Any]) -> Iterator[str]:
    """Yield what is paid for beside tokens, or at another price per token."""
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        kind = tool.get("type") if isinstance(tool, dict) else None
        if isinstance(kind, str) and own_tool(kind) not in OWN_TOOLS:
            yield kind[:60]
    modalities = body.get("modalities")
    if isinstance(modalities, list) and any(item != "text" for item in modalities):
        yield "modalities"
    if KEPT_FOR_AN_HOUR.search(encoded(body)):
        yield "cache_control.ttl"
    for name in PRICED:
        if body.get(name) is not None:
            yield name
    if body.get("inference_geo") not in (None, "global"):
        yield "inference_geo"
    if body.get("service_tier") in ("priority", "fast") or body.get("speed") == "fast":
        yield "service_tier" if body.get("service_tier") else "speed"


def own_tool(kind: str) -> str:
    """Return a tool's kind without its version: bash_20250124 is bash."""
    name, _, version = kind.rpartition("_")
    return name if version.isdigit() else kind
