"""Which endpoint a call is for, and in which version: `slug`, or `slug@3` for one published before."""

from __future__ import annotations

from typing import NamedTuple

from app.domain.calls import Call
from app.domain.errors import InvalidInput, NotFound
from app.domain.ids import is_slug

MOST_DIGITS = 6


class Wanted(NamedTuple):
    """An endpoint by its slug: a tuple, for targets are found by it. `version` None: the present one.

    `drafts`: also a version that was never published, as signed-in people may ask for. `model`: in place of
    the endpoint's own models.
    """

    slug: str
    version: int | None = None
    drafts: bool = False
    model: str = ""


def wanted(call: Call) -> Wanted:
    """Return what the call names; raise NotFound for what cannot be a slug, InvalidInput for none at all."""
    name = call.slug if call.slug is not None else named(call)
    slug, at, number = name.partition("@")
    if not is_slug(slug):
        raise NotFound("Endpoint not found.")
    if at and not is_number(number):
        raise NotFound(f"After '{slug}@' comes the number of a version, as in '{slug}@3'.")
    model = call.repeats.model if call.repeats else ""
    if call.version is not None and (call.actor is not None or call.shadowed is not None):
        return Wanted(slug, call.version, drafts=True, model=model)
    return Wanted(slug, int(number) if at else None, model=model)


def named(call: Call) -> str:
    """Return the name that the body gives (P2, P28); raise InvalidInput without one."""
    name = call.body.get(call.slug_field)
    if not isinstance(name, str) or not name:
        text = f"Name the endpoint's slug in the body field '{call.slug_field}'."
        raise InvalidInput(text, param=call.slug_field)
    return name


def is_number(text: str) -> bool:
    """Say whether a text is a version's number."""
    return text.isascii() and text.isdigit() and text[0] != "0" and len(text) <= MOST_DIGITS
