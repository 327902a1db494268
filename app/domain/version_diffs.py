"""What differs between two versions of an endpoint: field by field, long texts line by line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.endpoints import EndpointConfig
from app.domain.outlines import outline

LONG_TEXTS = frozenset({"prompt", "user_prompt_template", "description"})
MOST_LINES = 1_500  # per side; comparing lines takes quadratic time
CONTEXT_LINES = 2
NESTED = frozenset({"variables", "guardrails", "input_schema", "output_schema", "session", "routing"})

Tell = Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a compared text. `mark`: `+` added, `-` removed, ` ` kept, `…` some were left out."""

    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs. `lines`: of long texts, and of what has parts, a line for each.

    `too_long`: there are too many lines to compare.
    """

    field: str
    before: Any
    after: Any
    lines: tuple[Line, ...] = ()
    too_long: bool = False


def as_stored(_name: str, value: Any) -> Any:
    """Return a field's value as it is stored."""
    return value


def differences(before: EndpointConfig, after: EndpointConfig, told: Tell = as_stored) -> list[FieldChange]:
    """Return the fields that differ, in the configuration's order; `told` puts their values in words."""
    old, new = before.as_dict(), after.as_dict()
    return [change_of(name, old, new, told) for name in {**old, **new} if old.get(name) != new.get(name)]


def change_of(name: str, old: Mapping[str, Any], new: Mapping[str, Any], told: Tell) -> FieldChange:
    """Return one field's change."""
    values = told(name, old.get(name)), told(name, new.get(name))
    if name not in LONG_TEXTS | NESTED:
        return FieldChange(name, *values)
    before, after = (outline(value) if name in NESTED else str(value or "").splitlines() for value in values)
    if max(len(before), len(after)) > MOST_LINES:
        return FieldChange(name, *values, too_long=True)
    lines = compare(before, after, around=CONTEXT_LINES if name in LONG_TEXTS else 0)
    return FieldChange(name, *values, tuple(lines))


def compare(before: list[str], after: list[str], *, around: int = CONTEXT_LINES) -> list[Line]:
    """Return the changed lines with a little of what is around them."""
    marked = list(difflib.unified_diff(before, after, n=around, lineterm=""))[2:]
    if not around:
        return [Line(line[0], line[1:]) for line in marked if not line.startswith("@@")]
    lines = [Line("…", "") if line.startswith("@@") else Line(line[0], line[1:]) for line in marked]
    return lines[1:] if lines and lines[0].mark == "…" else lines
