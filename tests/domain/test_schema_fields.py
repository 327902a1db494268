"""Fields become a schema and back; a schema comes from an example."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.domain.bodies import encoded
from app.domain.endpoint_schemas import parse_schema
from app.domain.errors import InvalidInput
from app.domain.json_schemas import compile_schema
from app.domain.schema_fields import KINDS, SchemaField, from_schema, inferred, to_schema

ORDER = [
    SchemaField("customer", "text", required=True, description="Who ordered"),
    SchemaField("due", "date"),
    SchemaField("urgency", "choice", options=("low", "high")),
    SchemaField("lines", "groups", required=True),
    SchemaField("item", "text", required=True, level=1),
    SchemaField("count", "whole", level=1),
    SchemaField("price", "group", level=1),
    SchemaField("amount", "number", required=True, level=2),
    SchemaField("taxed", "yes_no", level=2),
    SchemaField("tags", "texts"),
]


def fits(schema: dict[str, Any], value: Any) -> bool:
    return compile_schema(schema).complaint(value, len(encoded(value))) is None


def test_fields_become_a_schema_and_back() -> None:
    schema = to_schema(ORDER)
    assert parse_schema({"s": schema}, "s") == schema and from_schema(schema) == ORDER
    line = {"item": "bread", "count": 2, "price": {"amount": 1.5}}
    assert fits(schema, {"customer": "Ada", "due": "2026-01-31", "lines": [line]})
    assert not fits(schema, {"customer": "Ada", "due": "tomorrow", "lines": [line]})
    assert not fits(schema, {"customer": "Ada", "lines": [{**line, "colour": "brown"}]})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}},
        {"type": "object", "properties": {"a": {"type": "string"}}},  # others are allowed
        {"$ref": "#/$defs/a", "$defs": {"a": {}}},
        {"type": "object", "properties": {"a": True}, "additionalProperties": False},
        {"properties": {"a": {"enum": [1]}}, "type": "object", "additionalProperties": False},
    ],
)
def test_what_fields_cannot_say_is_written_by_hand(schema: dict[str, Any]) -> None:
    assert from_schema(schema) is None


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ([], "at least one field"),
        ([SchemaField("")], "“1”: it needs a name"),
        ([SchemaField("a"), SchemaField("a")], "two of this name"),
        ([SchemaField("a", "choice")], "to choose from"),
        ([SchemaField("a"), SchemaField("b", level=1)], "no group above"),
        ([SchemaField("a", "group"), SchemaField("b", level=2)], "no group above"),
        ([SchemaField("a", "letter")], "kind"),
    ],
)
def test_what_is_wrong_with_a_field_is_said(fields: list[SchemaField], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        to_schema(fields)


def test_the_same_name_may_stand_in_two_groups() -> None:
    fields = [SchemaField("a", "group"), SchemaField("n", level=1)]
    fields += [SchemaField("b", "group"), SchemaField("n", level=1), SchemaField("n")]
    assert from_schema(to_schema(fields)) == fields


FLAT = some.builds(
    SchemaField,
    name=some.text("abcdef", min_size=1, max_size=3),
    kind=some.sampled_from([kind for kind in KINDS if kind != "choice"]),
    required=some.booleans(),
    description=some.sampled_from(["", "What it is"]),
)


@given(some.lists(FLAT, min_size=1, max_size=6, unique_by=lambda field: field.name))
def test_any_list_of_fields_comes_back_as_it_was(fields: list[SchemaField]) -> None:
    assert from_schema(to_schema(fields)) == fields


NUMBERS = some.floats(allow_nan=False, allow_infinity=False)
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | NUMBERS | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(some.dictionaries(some.text(min_size=1, max_size=3), VALUES, max_size=4))
def test_an_example_fits_the_schema_that_was_made_of_it(example: dict[str, Any]) -> None:
    assert fits(inferred(example), without_null(example))


def without_null(value: Any) -> Any:
    """Return the value without members that are null: those tell nothing of what should be there."""
    if isinstance(value, dict):
        return {name: without_null(inner) for name, inner in value.items() if inner is not None}
    return (
        [without_null("" if item is None else item) for item in value] if isinstance(value, list) else value
    )


def test_an_example_becomes_fields() -> None:
    example = {"name": "Ada", "born": "1815-12-10", "notes": [{"n": 1}, {"n": 2.5, "by": None}], "tags": []}
    assert from_schema(inferred(example)) == [
        SchemaField("name", "text", required=True),
        SchemaField("born", "date", required=True),
        SchemaField("notes", "groups", required=True),
        SchemaField("n", "number", required=True, level=1),
        SchemaField("by", "text", level=1),
        SchemaField("tags", "texts", required=True),
    ]
