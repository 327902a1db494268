"""Typed variables of an endpoint: what a caller fills into its prompts (P12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from app.domain.errors import InvalidInput

TYPES = ("string", "text", "int", "float", "bool", "date", "enum")
MOST_VARIABLES = 50


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable. `name` stands as {{name}} in both prompts; `options` are an enum's values."""

    name: str
    type: str = "string"
    label: str = ""
    required: bool = False
    default: Any = None
    options: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "options": list(self.options)}


def parse_variables(raw: Mapping[str, Any], name: str = "variables") -> tuple[Variable, ...]:
    """Check the field `name`; raise InvalidInput."""
    value = raw.get(name) or []
    if not isinstance(value, list | tuple) or not all(isinstance(item, Mapping) for item in value):
        raise InvalidInput("Must be a list of objects.", param=name)
    return tuple(Variable(**{**item, "options": tuple(item.get("options", ()))}) for item in map(dict, value))
