"""What checking a value against a JSON Schema takes: steps by the depth of a place.

A step is some seven nanoseconds; the numbers were measured on the worst that could be found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

MOST_STEPS = 10_000_000  # of one value: less than a tenth of a second
STEPS_PER_MEMBER = 4  # to look one name up
STEPS_PER_COMPARED = 16  # to compare with one part of an allowed object
STEPS_IF_FRACTION = 3_000  # to divide exactly by what is not whole
STEPS_IF_UNIQUE = 200  # to tell a list's items apart, with all that is in them
PATTERNS = re2.Options()
PATTERNS.max_mem, PATTERNS.log_errors = 1 << 20, False
LOOKED_UP = ("properties", "required", "dependentRequired", "dependencies", "dependentSchemas")


@dataclass(frozen=True, slots=True)
class Effort:
    """What one place of a value takes, by its depth: steps, and sixteenths of one per byte of text."""

    steps: tuple[int, ...]
    per_byte: tuple[int, ...]
    patterns: tuple[str, ...] = ()  # all of the schema

    def covers(self, value: Any, size: int) -> bool:
        """Say whether checking the value, JSON of `size` bytes, stays within MOST_STEPS."""
        most = max(self.steps) * (size // 2 + 1) + max(self.per_byte) * size // 16
        return most <= MOST_STEPS or self.steps_for(value) <= MOST_STEPS

    def steps_for(self, value: Any) -> int:
        """Return how many steps a value may take, level by level."""
        level, steps = [value], 0
        for depth in range(len(self.steps)):
            places, texts = len(level), 0
            inner: list[Any] = []
            for node in level:
                if isinstance(node, str):
                    texts += bytes_of(node)
                elif isinstance(node, dict):
                    texts += sum(map(bytes_of, node))
                    inner += node.values()
                elif isinstance(node, list):
                    inner += node
            steps += places * self.steps[depth] + texts * self.per_byte[depth] // 16
            level = inner
        return steps


def bytes_of(text: str) -> int:
    """Return about how many bytes a text has, never too few."""
    return len(text) if text.isascii() else 4 * len(text)


def steps_of(node: dict[str, Any]) -> int:
    """Return how many steps a schema takes at one place, without what stands in it."""
    steps = 1 + len(node)
    steps += STEPS_PER_MEMBER * sum(len(node[name]) for name in LOOKED_UP if is_many(node.get(name)))
    steps += STEPS_PER_COMPARED * size_of_values(node)
    steps += STEPS_IF_FRACTION if isinstance(node.get("multipleOf"), float) else 0
    return steps + (STEPS_IF_UNIQUE if node.get("uniqueItems") is True else 0)


def per_byte_of(node: dict[str, Any]) -> int:
    """Return what a schema takes for each byte of a text, in sixteenths of a step."""
    lengths = 1 if "minLength" in node or "maxLength" in node else 0
    return lengths + sum(16 * program_size(pattern) for pattern in patterns_of(node))


@lru_cache(1_000)
def program_size(pattern: str) -> int:
    """Return into how many states a pattern is compiled, at the least one for each of its characters."""
    try:
        return max(len(pattern), int(re2.compile(pattern, PATTERNS).programsize))
    except re2.error:  # the validator's own dialect is a little wider
        return 50 * len(pattern)


def size_of_values(node: Any) -> int:
    """Return how many parts the objects and lists among the allowed values have; the rest is free."""
    if not isinstance(node, dict):
        return 0
    allowed = node.get("enum")
    values = [*(allowed if isinstance(allowed, list) else ()), node.get("const")]
    return sum(parts(value) for value in values if isinstance(value, dict | list))


def parts(value: Any) -> int:
    """Return how many values stand in one, with itself."""
    count, pending = 0, [value]
    while pending:
        each = pending.pop()
        count += 1
        if isinstance(each, dict):
            pending += each.values()
        elif isinstance(each, list):
            pending += each
    return count


def is_many(value: Any) -> bool:
    """Say whether a keyword holds a list or an object."""
    return isinstance(value, dict | list)


def patterns_of(node: Any) -> list[str]:
    """Return the patterns that a schema has itself: each has to be compiled."""
    if not isinstance(node, dict):
        return []
    own = [node["pattern"]] if isinstance(node.get("pattern"), str) else []
    return own + [name for name, _ in members(node.get("patternProperties"))]


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the members of an object, none for anything else."""
    yield from value.items() if isinstance(value, dict) else ()
