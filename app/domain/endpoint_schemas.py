"""The input and output schema of an endpoint: how they are saved, what of a request they are about (P17)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jiter

from app.domain import json_schemas
from app.domain.bodies import encoded, too_deep
from app.domain.errors import InvalidInput
from app.domain.json_schemas import DRAFT_7, DRAFT_2020_12, Unusable
from app.domain.wishes import OWN_FIELDS

MOST_BYTES = 64 * 1024
MOST_VALUE_BYTES = 256 * 1024
MOST_LEVELS = 32
DRAFTS = frozenset(
    {DRAFT_7, DRAFT_7.removesuffix("#"), DRAFT_2020_12, f"{DRAFT_2020_12}#"}
)  # as they are written
MESSAGE_FIELDS = ("message", "messages")
GATEWAYS_OWN = frozenset({"endpoint", "stream", "session_id", "model", "stream_options"}) | OWN_FIELDS
STRICT = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "enum", "description", "title"}
)
Json = dict[str, Any]


def parse_schema(raw: Mapping[str, Any], name: str) -> Json | None:
    """Check the field `name`: an object, or the same as JSON text; None when it is absent.

    Raises InvalidInput, which says in plain words what is wrong and where.
    """
    value = raw.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    schema = parse_text(value, name) if isinstance(value, str) else value
    if not isinstance(schema, Mapping):
        raise InvalidInput("Must be a JSON Schema: an object, in curly brackets.", param=name)
    found = dict(schema)
    if too_deep(found, MOST_LEVELS):
        raise InvalidInput(f"It is nested deeper than {MOST_LEVELS} levels.", param=name)
    try:
        text = encoded(found)
    except (TypeError, ValueError):
        raise InvalidInput("Must hold JSON's own kinds of values alone.", param=name) from None
    if len(text) > MOST_BYTES:
        raise InvalidInput(f"It is too large: at most {MOST_BYTES // 1024} KB.", param=name)
    if reason := reason_against(text):
        raise InvalidInput(f"{reason[:1].upper()}{reason[1:]}.", param=name)
    return found


def parse_text(text: str, name: str) -> Any:
    """Return the JSON in a text; InvalidInput says in which line it goes wrong."""
    if len(text) > 4 * MOST_BYTES:
        raise InvalidInput(f"It is too large: at most {MOST_BYTES // 1024} KB.", param=name)
    try:
        return jiter.from_json(text.encode(), catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as error:
        reason = str(error).split('"')[0]
        raise InvalidInput(f"This is not JSON: {reason.strip()}.", param=name) from None


@lru_cache(256)
def reason_against(text: bytes) -> str:
    """Return why a schema cannot be used; "" when it can."""
    schema = jiter.from_json(text)
    draft = schema.get("$schema", DRAFT_2020_12)
    if draft not in DRAFTS:
        return f"“$schema” must be {DRAFT_2020_12} or {DRAFT_7}; left out, it is the first"
    try:
        json_schemas.compile_schema(schema)
    except Unusable as error:
        return str(error)
    return ""


def speaks_of_body(schema: Json) -> bool:
    """Say whether a schema describes the request's body, rather than what its message holds."""
    properties, required = schema.get("properties"), schema.get("required")
    named = {*(properties if isinstance(properties, dict) else ())}
    named |= {*(name for name in required if isinstance(name, str))} if isinstance(required, list) else set()
    return not named.isdisjoint(MESSAGE_FIELDS)


def checked_part(schema: Json, body: Json, text: str) -> Any:
    """Return what an input schema is checked against.

    That is the body without the gateway's own fields; where the schema does not speak of a message and the
    message holds a JSON object, that object.
    """
    if not speaks_of_body(schema):
        held = object_in(text)
        if held is not None:
            return held
    return {name: value for name, value in body.items() if name not in GATEWAYS_OWN}


def object_in(text: str) -> Any:
    """Return the JSON object or list that a text is; None where it is none."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return jiter.from_json(text.encode(), catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError:
        return None


def response_format(schema: Json) -> Json:
    """Return how a model is asked for an answer that fits the schema; it need not be told the usual draft."""
    is_usual = schema.get("$schema", DRAFT_2020_12).startswith(DRAFT_2020_12)
    told = {name: value for name, value in schema.items() if name != "$schema"} if is_usual else schema
    named = {"name": "answer", "schema": told, "strict": is_strict(schema)}
    return {"type": "json_schema", "json_schema": named}


def is_strict(schema: Any) -> bool:
    """Say whether a schema keeps to what models can be held to strictly: closed objects, all required."""
    if not isinstance(schema, dict) or not schema.keys() - {"$schema"} <= STRICT:
        return False
    if schema.get("type") == "array":
        return is_strict(schema.get("items"))
    if schema.get("type") != "object":
        return "properties" not in schema and isinstance(schema.get("type"), str)
    members = schema.get("properties", {})
    is_closed = schema.get("additionalProperties") is False
    return (
        is_closed
        and set(schema.get("required", ())) == set(members)
        and all(map(is_strict, members.values()))
    )
