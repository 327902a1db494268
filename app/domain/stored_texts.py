"""Strangers' texts as a database takes them."""

from __future__ import annotations

from typing import Any


def stored(text: str, most: int) -> str:
    """Return a stranger's text as a column takes it: not too long, no NUL (PostgreSQL refuses it)."""
    return text[:most].replace("\x00", "\ufffd")


def without_nul(value: Any) -> Any:
    """Return JSON values with every NUL replaced, in names too."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, dict):
        return {without_nul(name): without_nul(inner) for name, inner in value.items()}
    return [without_nul(inner) for inner in value] if isinstance(value, list) else value
