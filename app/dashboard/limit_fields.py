"""The limits in forms and in words: of a key, of an endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from app.dashboard import forms
from app.domain.limits import KINDS

PREFIX = "limits."


def typed() -> dict[str, Any]:
    """Return the limits of the submitted form as services take them; empty ones are left out."""
    given = {kind: forms.whole(PREFIX + kind) for kind in KINDS}
    return {kind: value for kind, value in given.items() if value is not None}


def values(limits: Mapping[str, Any]) -> dict[str, Any]:
    """Return stored limits under the names of the form's fields."""
    return {PREFIX + kind: limits.get(kind, "") for kind in KINDS}


def told(limits: Mapping[str, int]) -> str:
    """Return the limits in one line of words; empty where none is set."""
    return ", ".join(one(kind, limits[kind]) for kind in KINDS if kind in limits)


def one(kind: str, limit: int) -> str:
    """Return one limit in words."""
    words = {
        "requests_per_minute": _("per minute"),
        "requests_per_hour": _("per hour"),
        "burst_per_second": _("per second"),
    }
    number = f"{limit:,}"
    if kind == "tokens_per_minute":
        return str(_("%(number)s tokens per minute", number=number))
    if kind == "concurrency":
        return str(_("%(number)s at once", number=number))
    calls = ngettext("%(number)s call", "%(number)s calls", limit, number=number)
    return f"{calls} {words[kind]}"
