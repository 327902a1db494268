"""How much work it can be to check a value against a JSON Schema, known before it is done (F6).

Schemas come from strangers: references that multiply, or a long list of rules for each of many numbers, would
hold up everybody. What is counted is each place's rules, by the depth of the place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import unquote

from app.domain.schema_effort import (
    Effort,
    members,
    patterns_of,
    per_byte_of,
    size_of_values,
    steps_of,
)

MOST_DEPTH = 32  # of the value
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


class Count(NamedTuple):
    """What is done at one place of a value."""

    checks: int
    steps: int
    per_byte: int

    def plus(self, other: Count) -> Count:
        """Return what both do."""
        return Count(self.checks + other.checks, self.steps + other.steps, self.per_byte + other.per_byte)

    @classmethod
    def largest(cls, counts: Iterable[Count]) -> Count:
        """Return the most that any of them does."""
        return cls(*map(max, zip(NOTHING, *counts, strict=True)))


NOTHING = Count(0, 0, 0)
TRIVIAL = Count(1, 1, 0)


def check_schema(schema: Any) -> Effort:
    """Return what checking a value takes; raise TooMuch where no bound holds for MOST_DEPTH levels."""
    return Work(schema).effort()


class Work:
    """Counts how often one place of a value can be looked at, and what for."""

    def __init__(self, schema: Any) -> None:
        self.root = schema
        self.nodes: dict[int, Any] = {}
        self.patterns: list[str] = []
        self.here = cache(self._here)
        self.inner = cache(self._inner)
        self.counted = cache(self._counted)

    def effort(self) -> Effort:
        """Return the effort by depth, or raise TooMuch, as `check_schema` does."""
        self.visit_all()
        root = self.known(self.root)
        found = [self.counts(root, 0)]
        while found[-1] != NOTHING and len(found) <= MOST_DEPTH:
            found.append(self.counts(root, len(found)))
        steps, per_byte = tuple(count.steps for count in found), tuple(count.per_byte for count in found)
        return Effort(steps, per_byte, tuple(self.patterns))

    def visit_all(self) -> None:
        """Look at every schema in the document once."""
        pending, nodes = [self.root], 0
        seen = set[int]()
        while pending:
            node = pending.pop()
            if not isinstance(node, dict) or id(node) in seen:
                continue
            seen.add(id(node))
            nodes += 1 + size_of_values(node)
            self.patterns += patterns_of(node)
            if nodes > MOST_NODES or len(self.patterns) > MOST_PATTERNS:
                raise TooMuch("it is too large")
            refuse_unfollowed(node, is_root=node is self.root)
            if any(len(pattern) > LONGEST_PATTERN for pattern in patterns_of(node)):
                raise TooMuch(f"a pattern is longer than {LONGEST_PATTERN:,} characters")
            pending += below(node)
            pending += [self.target(node["$ref"])] if "$ref" in node else []

    def known(self, node: Any) -> int:
        """Return the key under which a schema is counted."""
        self.nodes[id(node)] = node
        return id(node)

    def counts(self, key: int, depth: int) -> Count:
        """Return what reaches one place `depth` levels below where the schema stands."""
        return self.counted(key, depth) if depth == 0 or self.inner(key) else NOTHING

    def _counted(self, key: int, depth: int) -> Count:
        if depth == 0:
            here = self.here(key)
            return Count(len(here), sum(map(steps_of, here)), sum(map(per_byte_of, here)))
        everywhere, named = NOTHING, dict[str, Count]()
        for name, inner in self.inner(key):
            count = TRIVIAL if inner is None else self.counts(inner, depth - 1)
            if name is None:
                everywhere = everywhere.plus(count)
            else:
                named[name] = named[name].plus(count) if name in named else count
        most = everywhere.plus(Count.largest(named.values()))
        if most.checks > MOST_CHECKS:
            raise TooMuch("its references multiply")
        return most

    def _here(self, key: int) -> list[dict[str, Any]]:
        """Return the schemas that the same value is checked against."""
        return list(self.same_place(self.nodes[key]))

    def _inner(self, key: int) -> list[tuple[str | None, int | None]]:
        """Return the schemas one level deeper, each with its member's name; None: true or false."""
        found = (each for node in self.here(key) for each in inside(node))
        return [(name, self.known(node) if isinstance(node, dict) else None) for name, node in found]

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
