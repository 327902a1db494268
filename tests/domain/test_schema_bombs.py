"""Schemas and values made to take long: refused when saved or sent, or checked within 100 ms (F6)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from app.domain.bodies import encoded
from app.domain.endpoint_schemas import MOST_VALUE_BYTES, parse_schema
from app.domain.errors import InvalidInput
from app.domain.json_schemas import Unusable, compile_schema

MOST_SECONDS = 0.1
NUMBERS = [0] * 130_000
WORD = "ab" * 127_000
TEXTS = ["ab" * 500] * 250


def nested(levels: int, leaf: Any) -> Any:
    for _ in range(levels):
        leaf = {"c": leaf}
    return leaf


def referring(levels: int, keyword: str) -> dict[str, Any]:
    """Return a schema of references that double at each level."""
    defs = {f"a{n}": {keyword: [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(levels)}
    return {"$defs": defs | {f"a{levels}": {"type": "string"}}, "$ref": "#/$defs/a0"}


TREE = {"$defs": {"n": {"properties": {"c": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"}
BOMBS: dict[str, tuple[dict[str, Any], Any]] = {
    "recursion at one place": ({"$ref": "#"}, 1),
    "recursion through allOf": ({"allOf": [{"$ref": "#"}]}, 1),
    "two to the thirty allOf": (referring(30, "allOf"), "a"),
    "two to the twelve anyOf": (referring(12, "anyOf"), 1),
    "a deep value": (TREE, nested(60, 1)),
    "unevaluated at each level": (
        {
            "$defs": {
                "n": {"anyOf": [{"properties": {"c": {"$ref": "#/$defs/n"}}}], "unevaluatedProperties": False}
            },
            "$ref": "#/$defs/n",
        },
        nested(30, {}),
    ),
    "branches at each level": (
        {"anyOf": [{"properties": {"c": {"$ref": "#"}}}, {"required": ["x"], "items": {"$ref": "#"}}]},
        nested(30, {}),
    ),
    "many rules, many numbers": ({"items": {"allOf": [{"minimum": -n} for n in range(1_500)]}}, NUMBERS),
    "some rules, many numbers": ({"items": {"allOf": [{"minimum": -n} for n in range(20)]}}, NUMBERS),
    "objects to choose from": ({"items": {"enum": [{"a": n} for n in range(2_000)]}}, [{"a": 1999}] * 25_000),
    "a thousand properties": (
        {"items": {"properties": {f"p{n}": {} for n in range(1_000)}}},
        [{} for _ in range(80_000)],
    ),
    "unique numbers": ({"uniqueItems": True}, list(range(40_000))),
    "unique lists at each level": (
        {"uniqueItems": True, "items": {"$ref": "#"}},
        [[[[n // 10, n]] * 2] for n in range(8_000)],
    ),
    "a slow pattern": ({"pattern": "a(?:[ab]?){400}c"}, WORD),
    "a hundred patterns": ({"allOf": [{"pattern": f"(a|b)*a(a|b){{{n}}}c"} for n in range(99)]}, WORD),
    "patterns of names": (
        {"patternProperties": {"a(?:[ab]?){300}c": {}}},
        {WORD: 1},
    ),
    "a pattern for each text": ({"items": {"pattern": "a.{100}b.{20}c"}}, TEXTS),
    "an exploding pattern": ({"pattern": "((a{100}){100}){100}"}, "a"),
    "dependent schemas": (
        {
            "$defs": {"d": {"dependentSchemas": {f"p{n}": {"$ref": "#/$defs/e"} for n in range(100)}}},
            "allOf": [{"$ref": "#/$defs/d"}] * 40,
        },
        {f"p{n}": 1 for n in range(100)},
    ),
    "many lengths": ({"allOf": [{"minLength": n} for n in range(1_900)]}, WORD),
    "a huge multiple": ({"items": {"multipleOf": 1e-300}}, [1e308] * 30_000),
    "a wide choice of texts": ({"items": {"enum": [f"v{n}" for n in range(5_000)]}}, ["v4999"] * 30_000),
    "names within names": ({"propertyNames": {"allOf": [{"maxLength": n} for n in range(900)]}}, {WORD: 1}),
    "what contains": ({"allOf": [{"contains": {"const": n}} for n in range(1_000)]}, NUMBERS),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_or_ends_within_a_tenth_of_a_second(name: str) -> None:
    schema, value = BOMBS[name]
    seconds = min(spent(schema, value) for _ in range(2))
    assert seconds < MOST_SECONDS


def spent(schema: dict[str, Any], value: Any) -> float:
    """Return for how long the processor was busy with it: saving it, and checking the value."""
    reason_free = compile_again(schema)
    size = len(encoded(value))
    if not reason_free or size > MOST_VALUE_BYTES:
        return 0
    checker = compile_schema(schema)
    began = time.thread_time()
    try:
        checker.complaint(value, size)
    except Unusable:
        pass
    return time.thread_time() - began


def compile_again(schema: dict[str, Any]) -> bool:
    """Say whether the schema may be saved; that must not take long either."""
    began = time.thread_time()
    try:
        parse_schema({"s": schema}, "s")
        return True
    except InvalidInput:
        return False
    finally:
        assert time.thread_time() - began < MOST_SECONDS


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ('{"type": "object",}', "line 1"),
        ("[]", "an object"),
        ({"type": "objekt"}, "(at /type)"),
        ({"$ref": "https://example.com/a.json"}, "another document"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "“$schema” must be"),
        ({"pattern": "(?=a)b"}, "look-ahead"),
        ({"description": "x" * 65_536}, "at most 64 KB"),
        (nested(40, {}), "deeper than 32 levels"),
        (referring(12, "anyOf"), "references multiply"),
    ],
)
def test_what_cannot_be_saved_is_refused_in_plain_words(schema: Any, told: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_schema({"input_schema": schema}, "input_schema")
    assert told in refusal.value.message and refusal.value.param == "input_schema"


def test_a_value_of_usual_size_is_never_too_large() -> None:
    member = {
        "type": "object",
        "properties": {f"p{n}": {"type": "string", "maxLength": 500} for n in range(60)},
    }
    member["required"] = list(member["properties"])
    schema = {
        "type": "object",
        "properties": {"rows": {"type": "array", "items": member, "uniqueItems": True}},
    }
    value = {"rows": [{f"p{n}": f"some text {row}" for n in range(60)} for row in range(165)]}
    size = len(encoded(value))
    assert size > 200_000 and compile_schema(schema).complaint(value, size) is None
