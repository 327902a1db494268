"""Reads the fields of a submitted form as services take them; what cannot be read is theirs to refuse."""

from __future__ import annotations

import re

from flask import g, request

from app.domain.actors import at_least
from app.domain.errors import NotAllowed

_GROUPED = re.compile(r"-?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]*)?")


def text(name: str) -> str:
    """Return a field with line ends as a file has them."""
    return request.form.get(name, "").replace("\r\n", "\n")


def many(name: str) -> list[str]:
    """Return every value of a repeated field."""
    return request.form.getlist(name)


def switch(name: str) -> bool:
    """Say whether a box is ticked."""
    return name in request.form


def amount(name: str) -> str:
    """Return an amount in dollars as typed, without the sign of currency."""
    return with_point(text(name).strip().removeprefix("$").strip())


def with_point(typed: str) -> str:
    """Return a number with a point for its comma; "1,000", which may mean one or a thousand, stays wrong."""
    return typed if _GROUPED.fullmatch(typed) else typed.replace(",", ".")


def decimal(name: str) -> float | str | None:
    """Return a number, None when left empty, or the text when it is not one."""
    typed = text(name).strip()
    try:
        return float(typed.replace(",", ".")) if typed else None
    except ValueError:
        return typed


def whole(name: str) -> int | str | None:
    """Return a whole number, None when left empty, or the text when it is not one."""
    typed = text(name).strip()
    try:
        return int(typed) if typed else None
    except ValueError:
        return typed


def typed() -> dict[str, str]:
    """Return all that was typed, to show it again."""
    return request.form.to_dict()


def require(least: str) -> None:
    """Refuse a page that people of a lesser role cannot use; the service refuses the change itself."""
    if not at_least(g.role, least):
        raise NotAllowed(f"Your role here is {g.role}; this needs {least}.")
