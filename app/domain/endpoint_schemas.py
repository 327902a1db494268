"""The input and output schema of an endpoint, as they are saved (P17)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.errors import InvalidInput


def parse_schema(raw: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Check the field `name`; None when it is absent. Raise InvalidInput for what is no schema."""
    value = raw.get(name)
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidInput("Must be a JSON Schema: an object.", param=name)
    return dict(value)
