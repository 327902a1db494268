"""Checks answers against the JSON Schemas that callers send; each is compiled once, nothing is fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
import orjson

from app.domain import json_schemas
from app.domain.bodies import encoded
from app.domain.json_schemas import Checker, Unusable
from app.services.cache import Cache

MOST_SCHEMA_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with an answer, repeating nothing of it. `detail`: where and how, in full."""

    text: str
    detail: str


_compiled: Cache[bytes, Checker | Unusable] = Cache(500)


def complaint(text: str, response_format: Mapping[str, Any]) -> Complaint | None:
    """Say what is wrong with an answer in JSON; None when it is as asked for. Raise Unusable."""
    try:
        value = orjson.loads(text)
    except ValueError:
        return Complaint("it is not JSON", "it is not JSON")
    if response_format.get("type") == "json_object":
        return None if isinstance(value, dict) else Complaint("it is no object", "it is not a JSON object")
    found = compiled(schema_of(response_format)).complaint(value, len(text))
    return None if found is None else complaint_of(found)


def complaint_of(error: jsonschema_rs.ValidationError) -> Complaint:
    """Return the first error: for a warning only the rule that is broken."""
    rule, where = json_schemas.rule_of(error), json_schemas.place(error)
    return Complaint(
        f"it breaks the rule '{rule}' of its schema", f"{json_schemas.sentence(error)} (at {where})"
    )


def schema_of(response_format: Mapping[str, Any]) -> Any:
    """Return the schema that the client sent; raise Unusable without one."""
    named = response_format.get("json_schema")
    schema = named.get("schema") if isinstance(named, dict) else None
    if not isinstance(schema, dict):
        raise Unusable("there is none")
    return schema


def compiled(schema: Any) -> Checker:
    """Return the schema's checker, compiled once; raise Unusable."""
    raw = encoded(schema)
    if len(raw) > MOST_SCHEMA_BYTES:
        raise Unusable("it is too large")
    digest = hashlib.sha256(raw).digest()
    known = _compiled.get(digest)
    if known is None:
        known = compile_schema(schema)
        _compiled.put(digest, known)
    if isinstance(known, Unusable):
        raise Unusable(*known.args)
    return known


def compile_schema(schema: Any) -> Checker | Unusable:
    """Return a new checker, or why there can be none."""
    try:
        return json_schemas.compile_schema(schema)
    except Unusable as error:
        return error
