"""JSON schemas as Anthropic's structured outputs take them: closed objects, no bounds but in words."""

from __future__ import annotations

from typing import Any

import orjson

# A bound that is refused as a keyword is still said, in the description.
REFUSED = frozenset(
    {
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
        "maxItems", "uniqueItems", "minProperties", "maxProperties", "contains", "minContains", "maxContains",
        "patternProperties", "propertyNames", "unevaluatedProperties", "unevaluatedItems",
    }
)  # fmt: skip
NOTES = frozenset({"$schema", "$id", "$comment"})  # say nothing of the answer
NESTED = ("properties", "$defs", "definitions")
LISTS = ("anyOf", "allOf", "oneOf", "prefixItems")

Json = dict[str, Any]


def strict(schema: Any) -> Any:
    """Return the schema with every object closed and the bounds moved into words."""
    if not isinstance(schema, dict):
        return schema
    refused = {name: schema[name] for name in schema if name in REFUSED or is_many(name, schema[name])}
    kept = {name: value for name, value in schema.items() if name not in refused and name not in NOTES}
    for name in NESTED:
        if isinstance(kept.get(name), dict):
            kept[name] = {key: strict(inner) for key, inner in kept[name].items()}
    for name in LISTS:
        if isinstance(kept.get(name), list):
            kept[name] = [strict(inner) for inner in kept[name]]
    if "items" in kept:
        kept["items"] = strict(kept["items"])
    if "oneOf" in kept:
        kept.setdefault("anyOf", kept.pop("oneOf"))
    if kept.get("type") == "object" or "properties" in kept:
        kept["additionalProperties"] = False
    if refused:
        words = (
            f"{{{', '.join(f'{name}: {orjson.dumps(value).decode()}' for name, value in refused.items())}}}"
        )
        kept["description"] = "\n\n".join(filter(None, [kept.get("description"), words]))
    return kept


def is_many(name: str, value: Any) -> bool:
    """Say whether a list must hold more than one item, which cannot be asked for."""
    return name == "minItems" and value not in (0, 1)
