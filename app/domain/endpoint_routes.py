"""Routing rules of an endpoint: which model answers which kind of request, first match wins (P31)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class RouteRule:
    """One rule: when all conditions of `when` hold, `model` answers first. The receipt shows `label`."""

    label: str
    model: str
    when: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"label": self.label, "model": self.model, "when": dict(self.when)}


def parse_routes(raw: Mapping[str, Any], name: str = "routing") -> tuple[RouteRule, ...]:
    """Check the field `name`; raise InvalidInput."""
    value = raw.get(name) or []
    if not isinstance(value, list | tuple) or not all(isinstance(item, Mapping) for item in value):
        raise InvalidInput("Must be a list of rules.", param=name)
    return tuple(RouteRule(**dict(item)) for item in value)
