"""How much work it can be to check a value against a JSON Schema, known before it is done (F6).

Schemas come from strangers: references that multiply, or a long list of rules for each of many numbers, would
hold up everybody. What is counted is each place's rules, by the depth of the place.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import unquote

from app.domain.schema_effort import (
    MOST_DEPTH,
    Effort,
    members,
    patterns_of,
    per_byte_of,
    size_of_values,
    steps_of,
)

MOST_NODES = 20_000
MOST_PATTERNS = 100
LONGEST_PATTERN = 1_000
MOST_CHECKS = 2_000  # of one place in the value
REFUSED = frozenset({"$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor"})
SAME_PLACE = ("allOf", "anyOf", "oneOf")
SAME_PLACE_ONE = ("not", "if", "then", "else")
NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
INSIDE = (
    "additionalProperties", "unevaluatedProperties", "propertyNames", "items", "additionalItems", "contains",
    "unevaluatedItems", "prefixItems",
)  # fmt: skip


class TooMuch(ValueError):
    """The schema could cost too much to check, or says what is not followed here."""


def check_schema(schema: Any) -> Effort:
    """Return what checking a value takes; raise TooMuch where no bound holds for MOST_DEPTH levels."""
    return Work(schema).effort()


class Work:
    """Counts how often one place of a value can be looked at, and what for."""

    def __init__(self, schema: Any) -> None:
        self.root = schema
        self.nodes: dict[int, Any] = {}
        self.checks = cache(self._checks)
        self.steps = cache(self._steps)

    def effort(self) -> Effort:
        """Return the effort by depth, or raise TooMuch, as `check_schema` does."""
        self.visit_all()
        root = self.known(self.root)
        for depth in range(MOST_DEPTH + 1):
            self.checks(root, depth)
        found = [self.steps(root, depth) for depth in range(MOST_DEPTH + 1)]
        return Effort(tuple(steps for steps, _ in found), tuple(per_byte for _, per_byte in found))

    def visit_all(self) -> None:
        """Look at every schema in the document once."""
        pending, patterns, nodes = [self.root], 0, 0
        seen = set[int]()
        while pending:
            node = pending.pop()
            if not isinstance(node, dict) or id(node) in seen:
                continue
            seen.add(id(node))
            nodes += 1 + size_of_values(node)
            patterns += len(patterns_of(node))
            if nodes > MOST_NODES or patterns > MOST_PATTERNS:
                raise TooMuch("it is too large")
            refuse_unfollowed(node, is_root=node is self.root)
            for pattern in patterns_of(node):
                check_pattern(pattern)
            pending += below(node)
            pending += [self.target(node["$ref"])] if "$ref" in node else []

    def known(self, node: Any) -> int:
        """Return the key under which a schema is counted."""
        self.nodes[id(node)] = node
        return id(node)

    def _checks(self, key: int, depth: int) -> int:
        """Return how many checks reach one place `depth` levels below where the schema stands."""
        here = list(self.same_place(self.nodes[key]))
        if depth == 0:
            return len(here)
        everywhere, named = 0, dict[str, int]()
        for name, inner in self.inner_schemas(here):
            count = self.checks(inner, depth - 1) if inner is not None else 1
            if name is None:
                everywhere += count
            else:
                named[name] = named.get(name, 0) + count
        most = everywhere + max(named.values(), default=0)
        if most > MOST_CHECKS:
            raise TooMuch("its references multiply")
        return most

    def _steps(self, key: int, depth: int) -> tuple[int, int]:
        """Return the steps, and those for each byte, of one place `depth` levels below the schema."""
        here = list(self.same_place(self.nodes[key]))
        if depth == 0:
            return sum(map(steps_of, here)), sum(map(per_byte_of, here))
        everywhere, named = (0, 0), dict[str, tuple[int, int]]()
        for name, inner in self.inner_schemas(here):
            steps = self.steps(inner, depth - 1) if inner is not None else (1, 0)
            if name is None:
                everywhere = added(everywhere, steps)
            else:
                named[name] = added(named.get(name, (0, 0)), steps)
        most = (max((pair[each] for pair in named.values()), default=0) for each in (0, 1))
        return added(everywhere, tuple(most))

    def inner_schemas(self, here: list[dict[str, Any]]) -> Iterator[tuple[str | None, int | None]]:
        """Yield the keys of the schemas one level deeper, each with a member's name; None for true, false."""
        for node in here:
            for name, inner in inside(node):
                yield name, self.known(inner) if isinstance(inner, dict) else None

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
        node, parts = self.root, unquote(reference[1:]).split("/")
        if parts[0]:
            raise TooMuch("a reference leads nowhere")
        for part in parts[1:]:
            node = step_into(node, part.replace("~1", "/").replace("~0", "~"))
        if not isinstance(node, dict | bool):
            raise TooMuch("a reference leads nowhere")
        return node


def step_into(node: Any, name: str) -> Any:
    """Return the member or item of this name; None where there is none."""
    if isinstance(node, list) and name.isdecimal() and len(name) < 6:
        return node[int(name)] if int(name) < len(node) else None
    return node.get(name) if isinstance(node, dict) else None


def refuse_unfollowed(node: dict[str, Any], *, is_root: bool) -> None:
    """Raise TooMuch for keywords that are not followed; an `$id` of the whole document does no harm."""
    unfollowed = (REFUSED if is_root else REFUSED | {"$id"}) & node.keys()
    if unfollowed:
        raise TooMuch(f"{', '.join(sorted(unfollowed))} is not followed")


def below(node: dict[str, Any]) -> Iterator[Any]:
    """Yield the schemas that stand in one."""
    for name in NAMED:
        yield from (inner for _, inner in members(node.get(name)))
    for name in (*INSIDE, *SAME_PLACE, *SAME_PLACE_ONE):
        inner = node.get(name)
        yield from inner if isinstance(inner, list) else () if inner is None else (inner,)


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


def check_pattern(pattern: str) -> None:
    """Raise TooMuch for a pattern that is too long to be compiled for everybody."""
    if len(pattern) > LONGEST_PATTERN:
        raise TooMuch(f"a pattern is longer than {LONGEST_PATTERN:,} characters")


def added(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, int]:
    """Return two pairs added."""
    return one[0] + other[0], one[1] + other[1]
