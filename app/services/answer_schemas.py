"""Checks answers against the JSON Schemas that callers send; each is compiled once, nothing is fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
import orjson

from app.domain.bodies import encoded, too_deep
from app.domain.schema_bounds import MOST_DEPTH, TooMuch, check_schema
from app.services.cache import Cache

MOST_SCHEMA_BYTES = 128 * 1024
PATTERNS = jsonschema_rs.RegexOptions(size_limit=256 * 1024, dfa_size_limit=256 * 1024)
LONGEST_COMPLAINT = 500


class Unusable(Exception):
    """The schema cannot be checked against; the text says why."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with an answer. `detail` may hold words of the answer: it is for the model alone."""

    text: str
    detail: str


_compiled: Cache[bytes, jsonschema_rs.Validator | Unusable] = Cache(500)


def complaint(text: str, response_format: Mapping[str, Any]) -> Complaint | None:
    """Say what is wrong with an answer in JSON; None when it is as asked for. Raise Unusable."""
    try:
        value = orjson.loads(text)
    except ValueError:
        return Complaint("it is not JSON", "it is not JSON")
    if response_format.get("type") == "json_object":
        return None if isinstance(value, dict) else Complaint("it is no object", "it is not a JSON object")
    validator = compiled(schema_of(response_format))
    if too_deep(value, MOST_DEPTH):
        raise Unusable("the answer is nested too deeply")
    if validator.is_valid(value):
        return None
    return complaint_of(next(iter(validator.iter_errors(value))))


def complaint_of(error: jsonschema_rs.ValidationError) -> Complaint:
    """Return the first error: for people only the rule that is broken, for the model all of it."""
    rule = next((part for part in reversed(error.schema_path) if isinstance(part, str)), "schema")
    path = "/".join(str(part) for part in error.instance_path)
    detail = f"{error.message} (at /{path})"[:LONGEST_COMPLAINT]
    return Complaint(f"it breaks the rule '{rule[:40]}' of its schema", detail)


def schema_of(response_format: Mapping[str, Any]) -> Any:
    """Return the schema that the client sent; raise Unusable without one."""
    named = response_format.get("json_schema")
    schema = named.get("schema") if isinstance(named, dict) else None
    if not isinstance(schema, dict):
        raise Unusable("there is none")
    return schema


def compiled(schema: Any) -> jsonschema_rs.Validator:
    """Return the schema's validator, compiled once; raise Unusable."""
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


def compile_schema(schema: Any) -> jsonschema_rs.Validator | Unusable:
    """Return a new validator, or why there can be none."""
    try:
        check_schema(schema)
        return jsonschema_rs.validator_for(schema, retriever=refuse, pattern_options=PATTERNS)
    except TooMuch as error:
        return Unusable(str(error))
    except (ValueError, TypeError):
        return Unusable("it is not a valid JSON Schema")


def refuse(uri: str) -> Any:
    """Fetch nothing."""
    raise ValueError("References to other documents are not followed.")
