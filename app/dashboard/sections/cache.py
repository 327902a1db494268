"""The section of whether an endpoint remembers its answers, to give them again (P32)."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.dashboard import forms
from app.dashboard.sections.section import Section
from app.dashboard.sections.session import UNITS, duration, in_units
from app.domain.endpoints import MOST_CACHE_SECONDS
from app.domain.errors import InvalidInput
from app.services.endpoints import EndpointView


def read() -> dict[str, Any]:
    """Return the form as the service takes it; raise InvalidInput in the form's own units."""
    if not forms.switch("keeps"):
        return {"cache_seconds": 0}
    kept, unit = forms.whole("cache_seconds"), UNITS.get(forms.text("unit"), 60)
    if not isinstance(kept, int) or not 0 < kept * unit <= MOST_CACHE_SECONDS:
        raise InvalidInput(_("From 1 minute to 30 days."), param="cache_seconds")
    return {"cache_seconds": kept * unit}


def values(view: EndpointView) -> dict[str, Any]:
    """Return what the form shows."""
    seconds = view.working_config.cache_seconds
    unit, kept = in_units(seconds) if seconds else ("hours", 1)
    return {"keeps": bool(seconds), "cache_seconds": kept, "unit": unit}


def summary(view: EndpointView) -> str:
    """Return the section in a line."""
    seconds = view.working_config.cache_seconds
    if not seconds:
        return str(_("Every request is answered anew"))
    return str(_("The same request gets the same answer for %(time)s", time=duration(seconds)))


section = Section(
    name="cache",
    label=_l("Cache"),
    hint=_l("Whether the very same request is answered again from memory, at once and for nothing."),
    icon="clock",
    fields=frozenset({"cache_seconds"}),
    read=read,
    values=values,
    summary=summary,
    keeps_typed=True,
)
