"""The section of whether an endpoint remembers conversations: for how long, and how much of them."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.dashboard import forms
from app.dashboard.sections.section import Section
from app.domain.chat_sessions import LEAST_TTL_SECONDS, MOST_TTL_SECONDS, SessionSettings
from app.domain.errors import InvalidInput
from app.services.endpoints import EndpointView

UNITS = {"minutes": 60, "hours": 3_600, "days": 86_400}


def read() -> dict[str, Any]:
    """Return the form as the service takes it."""
    if not forms.switch("keeps"):
        return {"session": None}
    numbers = {name: forms.whole(name) for name in ("max_messages", "max_tokens")}
    return {"session": {"ttl_seconds": idle_seconds(), **numbers}}


def idle_seconds() -> int | str | None:
    """Return after how long a conversation is over; raise InvalidInput in the form's own units."""
    idle, unit = forms.whole("ttl_seconds"), UNITS.get(forms.text("unit"), 60)
    if not isinstance(idle, int):
        return idle
    if not LEAST_TTL_SECONDS <= idle * unit <= MOST_TTL_SECONDS:
        raise InvalidInput(_("From 1 minute to 7 days."), param="ttl_seconds")
    return idle * unit


def values(view: EndpointView) -> dict[str, Any]:
    """Return what the form shows."""
    kept = view.working_config.session
    settings = kept or SessionSettings()
    unit, idle = in_units(settings.ttl_seconds)
    return {
        "keeps": kept is not None,
        "ttl_seconds": idle,
        "unit": unit,
        "max_messages": settings.max_messages,
        "max_tokens": "" if settings.max_tokens is None else settings.max_tokens,
    }


def in_units(seconds: int) -> tuple[str, int]:
    """Return a time in the largest unit that gives a whole number; seconds over are rounded up."""
    for unit in ("days", "hours"):
        if seconds % UNITS[unit] == 0:
            return unit, seconds // UNITS[unit]
    return "minutes", -(-seconds // UNITS["minutes"])


def duration(seconds: int) -> str:
    """Return a time in words."""
    unit, number = in_units(seconds)
    if unit == "days":
        return str(ngettext("%(num)d day", "%(num)d days", number))
    if unit == "hours":
        return str(ngettext("%(num)d hour", "%(num)d hours", number))
    return str(ngettext("%(num)d minute", "%(num)d minutes", number))


def summary(view: EndpointView) -> str:
    """Return the section in a line."""
    kept = view.working_config.session
    if kept is None:
        return str(_("Each call stands for itself"))
    most = ngettext("%(num)d message", "%(num)d messages", kept.max_messages)
    return str(_("Remembered for %(time)s, up to %(most)s", time=duration(kept.ttl_seconds), most=most))


section = Section(
    name="session",
    label=_l("Conversations"),
    hint=_l("Whether it remembers what was said before, so that callers send only what is new."),
    icon="chat",
    fields=frozenset({"session"}),
    read=read,
    values=values,
    summary=summary,
    keeps_typed=True,
)
