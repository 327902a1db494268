"""What an admin sets for each plugin beside its address and secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.domain.errors import InvalidInput
from app.domain.fields import Collector, refuse_unknown, text, whole
from app.domain.ledger import usd
from app.domain.pricing import nano_to_usd

NUMBERS = {  # name: least, most, default
    "web-search": {"results": (1, 10, 5)},
    "gutenberg": {"books": (1, 3, 2)},
    "code-exec": {"seconds": (1, 60, 10)},
    "image-gen": {"most_images": (1, 4, 1)},
    "pdf-reader": {"pages": (1, 500, 100), "characters": (1_000, 400_000, 60_000)},
    "memory": {"most_per_user": (1, 1_000, 200)},
}
TEXTS = {  # name: what it must look like, and that in words
    "web-search": {
        "language": (re.compile(r"(?:[A-Za-z]{2,3}(?:-[A-Za-z]{2,4})?)?"), "a language: en or de-AT")
    },
    "image-gen": {
        "model": (re.compile(r"[\x21-\x7e]{0,200}"), "a model as the server names it"),
        "size": (re.compile(r"(?:[0-9]{2,5}x[0-9]{2,5}|auto)?"), "a size: 1024x1024"),
    },
}
PRICES = {"image-gen": ("usd_per_image",)}


def names(plugin: str) -> tuple[str, ...]:
    """Return the options that a plugin has."""
    return (*PRICES.get(plugin, ()), *TEXTS.get(plugin, {}), *NUMBERS[plugin])


def parse(plugin: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option, defaults where none is given; raise InvalidFields."""
    refuse_unknown(raw, frozenset(names(plugin)))
    collect = Collector()
    found: dict[str, Any] = {name: collect.take(price, raw, name) for name in PRICES.get(plugin, ())}
    found |= {name: collect.take(pattern, raw, plugin, name) for name in TEXTS.get(plugin, {})}
    found |= {name: collect.take(number, raw, plugin, name) for name in NUMBERS[plugin]}
    collect.finish()
    return found


def price(raw: Mapping[str, Any], name: str) -> str:
    """Return a price in dollars; it has no default, for nothing is free by mistake."""
    return nano_to_usd(usd(raw, name, required=True) or 0)


def pattern(raw: Mapping[str, Any], plugin: str, name: str) -> str:
    """Return a text of the right form; empty leaves it to the server."""
    form, words = TEXTS[plugin][name]
    value = text(raw, name, most=200)
    if not form.fullmatch(value):
        raise InvalidInput(f"Write {words}.", param=name)
    return value


def number(raw: Mapping[str, Any], plugin: str, name: str) -> int:
    """Return a whole number."""
    least, most, default = NUMBERS[plugin][name]
    given = whole(raw, name, least, most)
    return default if given is None else given
