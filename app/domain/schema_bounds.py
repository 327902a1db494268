"""How much work it can be to check a value against a JSON Schema, known before it is done.

Schemas come from strangers: references that multiply would hold up everybody for hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

MOST_NODES = 20_000
MOST_PATTERNS = 100
MOST_DEPTH = 32  # of the value, where a schema refers to itself
MOST_CHECKS = 2_000  # of one place in the value
REFUSED = frozenset({"$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor"})
SAME_PLACE = ("allOf", "anyOf", "oneOf")
SAME_PLACE_ONE = ("not", "if", "then", "else")
INSIDE = (
    "additionalProperties", "unevaluatedProperties", "propertyNames", "items", "additionalItems", "contains",
    "unevaluatedItems", "prefixItems",
)  # fmt: skip


class TooMuch(ValueError):
    """The schema could cost too much to check, or says what is not followed here."""


def check_schema(schema: Any) -> None:
    """Raise TooMuch unless checking any value of MOST_DEPTH levels against the schema is cheap."""
    Work(schema).check()


class Work:
    """Counts how often one place of a value can be looked at."""

    def __init__(self, schema: Any) -> None:
        self.root = schema
        self.nodes: dict[int, Any] = {}
        self.checks = cache(self._checks)

    def check(self) -> None:
        """Raise TooMuch, as `check_schema` does."""
        pending, patterns = [self.root], 0
        while pending:
            node = pending.pop()
            self.nodes[id(node)] = node
            patterns += patterns_of(node)
            if len(self.nodes) > MOST_NODES or patterns > MOST_PATTERNS:
                raise TooMuch("it is too large")
            if isinstance(node, dict):
                if REFUSED & node.keys():
                    raise TooMuch(f"{', '.join(sorted(REFUSED & node.keys()))} is not followed")
                pending.extend(node.values())
            elif isinstance(node, list):
                pending.extend(node)
        for depth in range(MOST_DEPTH + 1):
            self.checks(id(self.root), depth)

    def _checks(self, key: int, depth: int) -> int:
        """Return how many checks reach one place `depth` levels below where the schema stands."""
        here = list(self.same_place(self.nodes[key]))
        if depth == 0:
            return len(here)
        everywhere, named = 0, dict[str, int]()
        for node in here:
            for name, inner in inside(node):
                count = self.checks(id(inner), depth - 1) if isinstance(inner, dict) else 1
                if name is None:
                    everywhere += count
                else:
                    named[name] = named.get(name, 0) + count
        most = everywhere + max(named.values(), default=0)
        if most > MOST_CHECKS:
            raise TooMuch("its references multiply")
        return most

    def same_place(self, node: Any) -> Iterator[dict[str, Any]]:
        """Yield the schemas that one value is checked against, each as often as it is."""
        pending, count = [node], 0
        while pending:
            each = pending.pop()
            if not isinstance(each, dict):
                continue
            count += 1
            if count > MOST_CHECKS:
                raise TooMuch("its references multiply")
            yield each
            if "$ref" in each:
                pending.append(self.target(each["$ref"]))
            for name in SAME_PLACE:
                pending.extend(each[name] if isinstance(each.get(name), list) else ())
            pending.extend(each.get(name) for name in SAME_PLACE_ONE)
            dependent = each.get("dependentSchemas", each.get("dependencies"))
            pending.extend(dependent.values() if isinstance(dependent, dict) else ())

    def target(self, reference: Any) -> Any:
        """Return the schema that a reference names: one of this document."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise TooMuch("it refers to another document")
        node = self.root
        for part in reference[1:].split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            node = node.get(name) if isinstance(node, dict) else None
        if not isinstance(node, dict):
            raise TooMuch("a reference leads nowhere")
        return node


def inside(node: dict[str, Any]) -> Iterator[tuple[str | None, Any]]:
    """Yield the schemas for what is in a value; with the name, where it is for one member alone."""
    for name, inner in members(node.get("properties")):
        yield name, inner
    for _, inner in members(node.get("patternProperties")):
        yield None, inner
    for keyword in INSIDE:
        inner = node.get(keyword)
        for each in inner if isinstance(inner, list) else (inner,):
            if each is not None:
                yield None, each


def patterns_of(node: Any) -> int:
    """Count the patterns that a schema has itself: each has to be compiled."""
    if not isinstance(node, dict):
        return 0
    return isinstance(node.get("pattern"), str) + len(list(members(node.get("patternProperties"))))


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the members of an object, none for anything else."""
    yield from value.items() if isinstance(value, dict) else ()
