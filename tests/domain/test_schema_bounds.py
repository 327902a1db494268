"""What a schema may cost: ordinary and recursive ones pass, those that multiply are refused at once."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.schema_bounds import TooMuch, check_schema

TREE = {"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}}
CHAIN = {"properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}}
VIEW = {
    "$defs": {"view": {"properties": {"parts": {"items": {"$ref": "#/$defs/view"}}}}},
    "$ref": "#/$defs/view",
}
NAMED = {"$id": "https://example.com/"}
DOUBLING = {
    "$defs": {f"a{n}": {"anyOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(30)} | {"a30": {}},
    "$ref": "#/$defs/a0",
}
DEEPER = {"anyOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}}]}


@pytest.mark.parametrize("schema", [{}, True, NAMED, TREE, CHAIN, VIEW, {"enum": list(range(500))}])
def test_ordinary_schemas_pass(schema: Any) -> None:
    check_schema(schema)


@pytest.mark.parametrize(
    "schema",
    [
        DOUBLING,
        DEEPER,
        {"$ref": "#"},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/$defs/none"},
        {"items": {"$id": "https://example.com/", "type": "object"}},
        {"$ref": "#/aside", "aside": {"$anchor": "here"}},
        {"pattern": "a" * 1_001},
        {"properties": {f"a{n}": {"pattern": "a"} for n in range(101)}},
        {"enum": [{"a": n} for n in range(20_000)]},
    ],
)
def test_what_multiplies_or_leads_elsewhere_is_refused(schema: Any) -> None:
    with pytest.raises(TooMuch):
        check_schema(schema)
