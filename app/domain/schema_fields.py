"""JSON Schemas for people who write none: fields become a schema and back, or come from an example."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.errors import InvalidInput

DAY_PATTERN = r"^\d{4}-\d{2}-\d{2}$"
DAY = re.compile(DAY_PATTERN, re.ASCII)
DEEPEST = 2  # groups inside groups
MOST_FIELDS = 100
MOST_OPTIONS = 200
MOST_EXAMPLE_LEVELS = 20
LONGEST = {"name": 100, "description": 500, "option": 200}
TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "number": {"type": "number"},
    "whole": {"type": "integer"},
    "yes_no": {"type": "boolean"},
    "date": {"type": "string", "format": "date", "pattern": DAY_PATTERN},
    "texts": {"type": "array", "items": {"type": "string"}},
}
CHOICE, GROUP, GROUPS = "choice", "group", "groups"
KINDS = (*TYPES, CHOICE, GROUP, GROUPS)
HOLDING = (GROUP, GROUPS)
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SchemaField:
    """One field of an object. `level`: how many groups it stands in, each the last one above it."""

    name: str
    kind: str = "text"
    required: bool = False
    description: str = ""
    options: tuple[str, ...] = ()
    level: int = 0


def to_schema(fields: Sequence[SchemaField]) -> Json:
    """Return the schema of an object with these fields and no others; raise InvalidInput."""
    check(fields)
    return object_of(fields, 0)


def object_of(fields: Sequence[SchemaField], level: int) -> Json:
    """Return the schema of one object, whose own fields stand on this level."""
    properties: Json = {}
    starts = [place for place, field in enumerate(fields) if field.level == level]
    for start, end in zip(starts, [*starts, len(fields)][1:], strict=True):
        properties[fields[start].name] = property_of(fields[start], fields[start + 1 : end])
    required = [field.name for field in fields if field.level == level and field.required]
    told: Json = {"required": required} if required else {}
    return {"type": "object", "properties": properties, **told, "additionalProperties": False}


def property_of(field: SchemaField, inside: Sequence[SchemaField]) -> Json:
    """Return the schema of one field, and of those in it."""
    told: Json = {"description": field.description} if field.description else {}
    if field.kind == CHOICE:
        return {"type": "string", "enum": list(field.options), **told}
    if field.kind == GROUP:
        return {**object_of(inside, field.level + 1), **told}
    if field.kind == GROUPS:
        return {"type": "array", "items": object_of(inside, field.level + 1), **told}
    return {**TYPES[field.kind], **told}


def check(fields: Sequence[SchemaField]) -> None:
    """Raise InvalidInput, which names the first field that is wrong."""
    if not fields:
        raise InvalidInput("Add at least one field.")
    if len(fields) > MOST_FIELDS:
        raise InvalidInput(f"At most {MOST_FIELDS} fields can be made here. Write the schema as JSON.")
    before: list[SchemaField] = []
    for field in fields:
        if wrong := trouble(field, before):
            raise InvalidInput(f"Field “{field.name[:40] or len(before) + 1}”: {wrong}")
        before.append(field)


def trouble(field: SchemaField, before: Sequence[SchemaField]) -> str:
    """Return what is wrong with a field after those before it; "" when nothing is."""
    if not field.name or len(field.name) > LONGEST["name"] or not field.name.isprintable():
        return "it needs a name."
    if field.kind not in KINDS or len(field.description) > LONGEST["description"]:
        return "its kind is not known, or its description is too long."
    if not 0 <= field.level <= DEEPEST or (field.level and not holder(field, before)):
        return "there is no group above it to stand in."
    if field.kind in HOLDING and field.level == DEEPEST:
        return "no more groups fit into this one. Write the schema as JSON."
    if field.name in (other.name for other in siblings(field, before)):
        return "there are two of this name."
    options = field.options
    if field.kind == CHOICE and not options:
        return "list what there is to choose from."
    if len(options) > MOST_OPTIONS or any(len(option) > LONGEST["option"] for option in options):
        return f"at most {MOST_OPTIONS} values of at most {LONGEST['option']} characters."
    return "" if len(set(options)) == len(options) else "a value stands there twice."


def holder(field: SchemaField, before: Sequence[SchemaField]) -> SchemaField | None:
    """Return the group in which a field stands."""
    above = next((other for other in reversed(before) if other.level < field.level), None)
    return above if above and above.kind in HOLDING and above.level == field.level - 1 else None


def siblings(field: SchemaField, before: Sequence[SchemaField]) -> list[SchemaField]:
    """Return the fields before it in the same group."""
    found: list[SchemaField] = []
    for other in reversed(before):
        if other.level < field.level:
            break
        found += [other] if other.level == field.level else []
    return found


def from_schema(schema: Json | None) -> list[SchemaField] | None:
    """Return the fields of a schema; None where they would not say all of it."""
    if schema is None:
        return []
    try:
        fields = list(fields_of(schema, 0))
        return fields if to_schema(fields) == schema else None
    except (InvalidInput, TypeError, AttributeError, KeyError, RecursionError):
        return None


def fields_of(schema: Json, level: int) -> Iterable[SchemaField]:
    """Yield the fields of an object and of the groups in it."""
    required = schema.get("required", ())
    for name, inner in schema["properties"].items():
        kind = kind_of(inner)
        options = tuple(inner["enum"]) if kind == CHOICE else ()
        yield SchemaField(name, kind, name in required, inner.get("description", ""), options, level)
        if kind in HOLDING and level < DEEPEST:
            yield from fields_of(inner if kind == GROUP else inner["items"], level + 1)


def kind_of(schema: Json) -> str:
    """Return the kind of a field, by its schema; what is none of them is taken for a text."""
    if "enum" in schema:
        return CHOICE
    if schema.get("type") == "object":
        return GROUP
    if schema.get("type") == "array" and schema.get("items", {}).get("type") == "object":
        return GROUPS
    plain = {name: value for name, value in schema.items() if name != "description"}
    return next((kind for kind, told in TYPES.items() if told == plain), "text")


def inferred(example: Any, level: int = 0) -> Json:
    """Return a schema that the example fits; what an example holds is required."""
    if level > MOST_EXAMPLE_LEVELS:
        return {}
    if isinstance(example, bool):
        return {"type": "boolean"}
    if isinstance(example, int | float):
        return {"type": "integer" if isinstance(example, int) else "number"}
    if isinstance(example, str):
        return dict(TYPES["date" if DAY.match(example) else "text"])
    if isinstance(example, Mapping):
        return inferred_object([example], level)
    if isinstance(example, list | tuple):
        return {"type": "array", **inferred_items(example, level)}
    return dict(TYPES["text"])  # null tells nothing


def inferred_items(items: Sequence[Any], level: int) -> Json:
    """Return what the items of a list have in common."""
    if not items:
        return {"items": {"type": "string"}}
    found = common(items, level + 1)
    return {"items": found} if found else {}


def inferred_object(examples: Sequence[Mapping[str, Any]], level: int) -> Json:
    """Return the schema of objects; a name is required when all have it and none has null there."""
    seen: dict[str, list[Any]] = {}
    for example in examples:
        for name, value in example.items():
            seen.setdefault(name, []).append(value)
    given = {name: [value for value in values if value is not None] for name, values in seen.items()}
    properties = {name: common(values or [None], level + 1) for name, values in given.items()}
    required = [name for name in seen if len(given[name]) == len(examples)]
    told: Json = {"required": required} if required else {}
    return {"type": "object", "properties": properties, **told, "additionalProperties": False}


def common(values: Sequence[Any], level: int) -> Json:
    """Return a schema that all the values fit: a number where some are whole; {} where they have no kind."""
    if all(isinstance(value, Mapping) for value in values):
        return inferred_object(values, level)
    schemas = [inferred(value, level) for value in values]
    if all(schema == schemas[0] for schema in schemas):
        return schemas[0]
    kinds = {str(schema.get("type")) for schema in schemas}
    if kinds <= {"integer", "number"}:
        return {"type": "number"}
    return {"type": "string"} if kinds == {"string"} else {}
