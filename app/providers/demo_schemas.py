"""A made-up value that fits a JSON Schema, for the demo provider's structured answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEEPEST = 8
MOST_VALUES = 300
MOST_ITEMS = 20
MOST_CHARACTERS = 500
FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "demo@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
GUESSES = (
    ("object", ("properties", "required", "additionalProperties", "minProperties")),
    ("array", ("items", "prefixItems", "minItems", "maxItems", "uniqueItems")),
    ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
)


def fitting(schema: Any) -> Any:
    """Return a small value that fits the schema, as far as that can be told without searching for one."""
    return Maker(schema).make(schema, "demo", 0)


@dataclass(slots=True)
class Maker:
    """Makes one value. References are followed within `root`; depth and number of parts are bounded."""

    root: Any
    made: int = 0

    def make(self, schema: Any, name: str, depth: int) -> Any:
        """Return a value for the part of this name."""
        self.made += 1
        if not isinstance(schema, Mapping) or depth > DEEPEST or self.made > MOST_VALUES:
            return name.replace("_", " ")
        schema = self.resolved(schema)
        if "const" in schema:
            return schema["const"]
        for given in (schema.get("enum"), [schema["default"]] if "default" in schema else None):
            if isinstance(given, list) and given:
                return given[0]
        return self.of_type(kind_of(schema), schema, name, depth)

    def of_type(self, kind: str, schema: Mapping[str, Any], name: str, depth: int) -> Any:
        """Return a value of a type."""
        if kind == "object":
            return self.make_object(schema, depth)
        if kind == "array":
            return self.make_array(schema, name, depth)
        if kind in ("integer", "number"):
            return number_for(schema, whole=kind == "integer")
        return {"boolean": False, "null": None}.get(kind, text_for(schema, name))

    def make_object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        """Return an object: all that is required, and what else is described while that is little."""
        properties = mapping(schema.get("properties"))
        required = [name for name in listed(schema.get("required")) if isinstance(name, str)]
        names = dict.fromkeys([*required, *(properties if depth < 3 else ())])
        return {name: self.make(properties.get(name), name, depth + 1) for name in names}

    def make_array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        """Return an array of as few items as may be, one where that is allowed."""
        tuple_items = listed(schema.get("prefixItems")) or listed(schema.get("items"))
        least, most = schema.get("minItems"), schema.get("maxItems")
        count = max(least if isinstance(least, int) else 0, 1)
        count = min(count, most if isinstance(most, int) else count, MOST_ITEMS)
        each = schema.get("items") if isinstance(schema.get("items"), Mapping) else None
        kinds = [*tuple_items, *[each] * count][: max(count, len(tuple_items))]
        items = [self.make(kind, name, depth + 1) for kind in kinds]
        if schema.get("uniqueItems") and all(isinstance(item, str) for item in items):
            return [item if index == 0 else f"{item} {index + 1}" for index, item in enumerate(items)]
        return items

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the schema with its reference followed, its parts joined, and its first choice taken."""
        found: dict[str, Any] = dict(schema)
        for _ in range(DEEPEST):
            parts = [self.target(found.pop("$ref"))] if "$ref" in found else []
            parts += listed(found.pop("allOf", None))
            for choice in ("anyOf", "oneOf"):
                parts += listed(found.pop(choice, None))[:1]
            if not parts:
                break
            for part in parts:
                found = joined(found, mapping(part))
        return found

    def target(self, reference: Any) -> Mapping[str, Any]:
        """Return what a reference within the document points at; nothing for any other."""
        place = self.root
        if not isinstance(reference, str) or not reference.startswith("#"):
            return {}
        for part in reference.removeprefix("#").split("/")[1:]:
            place = mapping(place).get(part.replace("~1", "/").replace("~0", "~"))
        return mapping(place)


def joined(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return both schemas as one."""
    properties = {**mapping(second.get("properties")), **mapping(first.get("properties"))}
    required = [*listed(first.get("required")), *listed(second.get("required"))]
    extra = {"properties": properties} if properties else {}
    return {**second, **first, **extra, **({"required": required} if required else {})}


def kind_of(schema: Mapping[str, Any]) -> str:
    """Return the type to make: the first that is named, or the one that the other words speak of."""
    given = schema.get("type")
    if isinstance(given, list):
        given = next((kind for kind in given if kind != "null"), "null")
    if isinstance(given, str):
        return given
    return next((kind for kind, words in GUESSES if any(word in schema for word in words)), "string")


def number_for(schema: Mapping[str, Any], *, whole: bool) -> float | int:
    """Return the smallest number from 1 up that the bounds allow, or the largest below."""
    step = schema.get("multipleOf") if is_number(schema.get("multipleOf")) else 1 if whole else None
    low, high = (
        bound(schema, "minimum", "exclusiveMinimum", 1),
        bound(schema, "maximum", "exclusiveMaximum", -1),
    )
    value: float = 1
    if low is not None and value < low:
        value = low
    if high is not None and value > high:
        value = high
    if step:
        value = math.ceil(value / step) * step
        value = value - step if high is not None and value > high else value
    return int(value) if whole or value == int(value) else value


def bound(schema: Mapping[str, Any], inclusive: str, exclusive: str, step: int) -> float | None:
    """Return the first number inside a bound; None where there is none."""
    if is_number(schema.get(exclusive)):
        beyond: float = schema[exclusive] + step
        return beyond
    return schema[inclusive] if is_number(schema.get(inclusive)) else None


def text_for(schema: Mapping[str, Any], name: str) -> str:
    """Return a text: of the wanted format, or the name of its place, as long as it must be."""
    form = schema.get("format")
    text = FORMATS.get(form, name.replace("_", " ")) if isinstance(form, str) else name.replace("_", " ")
    least, most = schema.get("minLength"), schema.get("maxLength")
    if isinstance(least, int):
        text = text.ljust(min(least, MOST_CHARACTERS), ".")
    return text[:most] if isinstance(most, int) and most >= 0 else text


def is_number(value: Any) -> bool:
    """Say whether it is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def mapping(value: Any) -> Mapping[str, Any]:
    """Return an object as it is, anything else as an empty one."""
    return value if isinstance(value, Mapping) else {}


def listed(value: Any) -> list[Any]:
    """Return a list as it is, anything else as an empty one."""
    return value if isinstance(value, list) else []
