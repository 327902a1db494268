"""Prompts with places for values: `{{name}}`, filled in one pass, never expanded again (F7)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping

from app.domain.errors import InvalidInput

PLACE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*\}\}", re.ASCII)
INPUT = "input"
MOST_CHARACTERS = 1_000_000  # that the values of one prompt may have together
Fill = Callable[[str, Mapping[str, str]], str]


def names_in(template: str) -> tuple[str, ...]:
    """Return the names that stand in a template, each once, in order."""
    return tuple(dict.fromkeys(PLACE.findall(template)))


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return the template with its values; places of other names stay as they are.

    Raises InvalidInput rather than to make a text of more than MOST_CHARACTERS out of values.
    """
    if "{{" not in template:
        return template
    if is_too_long(template, values):
        raise InvalidInput("The prompt gets too long with these values: at most 1 MB.")
    return PLACE.sub(lambda place: values.get(place[1], place[0]), template)


def draft(template: str, values: Mapping[str, str]) -> str:
    """Return what `filled` returns, and where that would raise, a text as long as it can get at most."""
    return template + " " * MOST_CHARACTERS if is_too_long(template, values) else filled(template, values)


def is_too_long(template: str, values: Mapping[str, str]) -> bool:
    """Say whether the values would fill a template with more than MOST_CHARACTERS."""
    places = Counter(PLACE.findall(template))
    return sum(count * len(values.get(name, "")) for name, count in places.items()) > MOST_CHARACTERS
