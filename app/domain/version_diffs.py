"""What differs between two versions of an endpoint: field by field, long texts line by line."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.endpoints import EndpointConfig

LONG_TEXTS = frozenset({"prompt", "user_prompt_template", "description"})
MOST_LINES = 1_500  # per side; comparing lines takes quadratic time
CONTEXT_LINES = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a compared text. `mark`: `+` added, `-` removed, ` ` kept, `…` some were left out."""

    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs. `lines` is filled for long texts, `too_long` where they were not compared."""

    field: str
    before: Any
    after: Any
    lines: tuple[Line, ...] = ()
    too_long: bool = False


def differences(before: EndpointConfig, after: EndpointConfig) -> list[FieldChange]:
    """Return the fields that differ, in the configuration's order."""
    old, new = before.as_dict(), after.as_dict()
    return [change_of(name, old, new) for name in {**old, **new} if old.get(name) != new.get(name)]


def change_of(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> FieldChange:
    """Return one field's change."""
    if name not in LONG_TEXTS:
        return FieldChange(name, old.get(name), new.get(name))
    before, after = old[name].splitlines(), new[name].splitlines()
    if max(len(before), len(after)) > MOST_LINES:
        return FieldChange(name, old[name], new[name], too_long=True)
    return FieldChange(name, old[name], new[name], tuple(compare(before, after)))


def compare(before: list[str], after: list[str]) -> list[Line]:
    """Return the changed lines with a little of what is around them."""
    marked = list(difflib.unified_diff(before, after, n=CONTEXT_LINES, lineterm=""))[2:]
    lines = [Line("…", "") if line.startswith("@@") else Line(line[0], line[1:]) for line in marked]
    return lines[1:] if lines and lines[0].mark == "…" else lines
