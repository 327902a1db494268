"""Checks of single form or file fields: the clean value comes back, or InvalidInput with the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.errors import InvalidFields, InvalidInput


def text(raw: Mapping[str, Any], name: str, *, most: int, required: bool = False) -> str:
    """Return the field stripped of surrounding blanks; at most `most` characters."""
    value = raw.get(name)
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise InvalidInput("Must be text.", param=name)
    value = value.strip()
    if required and not value:
        raise InvalidInput("Please fill this in.", param=name)
    if len(value) > most:
        raise InvalidInput(f"Must be at most {most} characters.", param=name)
    if "\x00" in value:
        raise InvalidInput("Must not contain NUL characters.", param=name)
    return value


def switch(raw: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """Return a yes or no."""
    value = raw.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise InvalidInput("Must be true or false.", param=name)
    return value


def number(raw: Mapping[str, Any], name: str, least: float, most: float) -> float | None:
    """Return a number within the bounds (both included), or None when absent."""
    value = raw.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InvalidInput(f"Must be a number from {least:g} to {most:g}.", param=name)
    return float(value)


def whole(raw: Mapping[str, Any], name: str, least: int, most: int) -> int | None:
    """Return a whole number within the bounds (both included), or None when absent."""
    value = raw.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(f"Must be a whole number from {least:,} to {most:,}.", param=name)
    return value


def texts(raw: Mapping[str, Any], name: str, *, most: int, longest: int = 200) -> tuple[str, ...]:
    """Return a list of non-empty texts without doubles, in order; empty when absent."""
    value = raw.get(name) or []
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise InvalidInput("Must be a list of texts.", param=name)
    items = tuple(dict.fromkeys(item.strip() for item in value if item.strip()))
    if len(items) > most or any(len(item) > longest for item in items):
        raise InvalidInput(f"Must be at most {most} entries of at most {longest} characters.", param=name)
    return items


class Collector:
    """Gathers the errors of several fields, so that a form shows them all at once."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}

    def take(self, check: Any, *arguments: Any, **options: Any) -> Any:
        """Return `check(...)`, or None after noting its InvalidInput under its field."""
        try:
            return check(*arguments, **options)
        except InvalidFields as error:
            self.errors |= error.errors
            return None
        except InvalidInput as error:
            self.errors[error.param or ""] = error.message
            return None

    def finish(self) -> None:
        """Raise InvalidFields when any field was wrong."""
        if self.errors:
            raise InvalidFields(self.errors)


def refuse_unknown(raw: Mapping[str, Any], known: frozenset[str]) -> None:
    """Raise InvalidFields for the fields that are not in `known`."""
    unknown = {str(name): "There is no such field." for name in raw if name not in known}
    if unknown:
        raise InvalidFields(unknown)
