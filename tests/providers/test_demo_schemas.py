"""What the demo provider makes up for a JSON Schema fits it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from app.domain.calls import Cancellation, Upstream
from app.providers import adapter
from app.providers.demo_schemas import fitting

TICKET: dict[str, Any] = {
    "type": "object",
    "required": ["team", "urgent", "tags", "due"],
    "additionalProperties": False,
    "properties": {
        "team": {"enum": ["billing", "support"]},
        "urgent": {"type": "boolean"},
        "summary": {"type": "string", "minLength": 10, "maxLength": 20},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2, "uniqueItems": True},
        "due": {"type": ["null", "string"], "format": "date"},
        "score": {"type": "number", "exclusiveMinimum": 0, "maximum": 0.5},
        "pages": {"type": "integer", "multipleOf": 4, "minimum": 5},
    },
}
SCHEMAS: list[Any] = [
    TICKET,
    {"type": "array", "items": TICKET},
    {"type": "string", "format": "email"},
    {"const": {"a": 1}},
    {
        "$ref": "#/$defs/node",
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
    },
    {
        "allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"required": ["b"]}],
        "type": "object",
    },
    {"anyOf": [{"type": "number", "minimum": 3}, {"type": "string"}]},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
    {
        "properties": {"deep": {"properties": {"er": {"type": "null"}}, "required": ["er"]}},
        "required": ["deep"],
    },
    {"type": "integer", "maximum": -7},
    {"default": "given"},
    True,
    {},
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_it_fits(schema: Any) -> None:
    assert list(jsonschema_rs.validator_for(schema).iter_errors(fitting(schema))) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"type": "object", "required": ["a", "b"], "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}},
        {"type": "array", "minItems": 10**9, "items": {"type": "string", "minLength": 10**9}},
        {"type": 5, "enum": [], "properties": [], "required": "x", "multipleOf": 0},
    ],
)
def test_a_schema_that_never_ends_or_is_none_gets_something_small(schema: Any) -> None:
    assert len(json.dumps(fitting(schema))) < 20_000


def test_the_demo_models_answer_in_json_when_asked_to() -> None:
    where = Upstream("demo", "demo", "", "demo-fast")
    wanted = {"type": "json_schema", "json_schema": {"name": "ticket", "schema": TICKET}}
    body = {"messages": [{"role": "user", "content": "Hi"}]}
    for response_format in (wanted, {"type": "json_object"}):
        asked = body | {"response_format": response_format}
        [whole] = adapter("demo").chat(where, asked, False, Cancellation())
        assert whole.data is not None
        assert isinstance(json.loads(whole.data["choices"][0]["message"]["content"]), dict)
