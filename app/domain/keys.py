"""What can be said of a key beside its name and scopes: which endpoints it may call, and its labels (P20)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.errors import InvalidInput
from app.domain.fields import texts

MOST_ENDPOINTS = 200
MOST_LABELS = 20
LONGEST_NAME, LONGEST_VALUE = 64, 200


def endpoints_of(raw: Mapping[str, Any]) -> list[str] | None:
    """Return the slugs of the endpoints that the key may call; None: all of them."""
    if raw.get("endpoints") is None:
        return None
    slugs = texts(raw, "endpoints", most=MOST_ENDPOINTS, longest=64)
    if not slugs:
        raise InvalidInput("Name at least one, or leave it out: then it may call all.", param="endpoints")
    return sorted(slugs)


def labels_of(raw: Mapping[str, Any]) -> dict[str, str]:
    """Return the key's labels, names and values as texts."""
    given = raw.get("labels") or {}
    if isinstance(given, str):
        raise InvalidInput("Write each label as a name and a text, like team=web.", param="labels")
    if not isinstance(given, Mapping) or len(given) > MOST_LABELS:
        raise InvalidInput(f"Write at most {MOST_LABELS} names with their values.", param="labels")
    return {label_text(name, LONGEST_NAME): label_text(value, LONGEST_VALUE) for name, value in given.items()}


def label_text(given: Any, longest: int) -> str:
    """Return the name or the value of a label."""
    if not isinstance(given, str) or not given.strip() or len(given) > longest or not given.isprintable():
        raise InvalidInput(
            f"A label is a name of up to {LONGEST_NAME} characters and a text of up to {LONGEST_VALUE}.",
            param="labels",
        )
    return given.strip()
