"""The section of how much an endpoint answers."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.dashboard import limit_fields
from app.dashboard.sections.section import Section
from app.services.endpoints import EndpointView


def read() -> dict[str, Any]:
    """Return the form as the service takes it."""
    return {"limits": limit_fields.typed()}


def values(view: EndpointView) -> dict[str, Any]:
    """Return what the form shows."""
    return limit_fields.values(view.working_config.limits.as_dict())


def summary(view: EndpointView) -> str:
    """Return the section in a line."""
    told = limit_fields.told(view.working_config.limits.as_dict())
    return told[:1].upper() + told[1:] or str(_("No limits of its own"))


section = Section(
    name="limits",
    label=_l("Limits"),
    hint=_l("How much it answers, all callers together."),
    icon="gate",
    fields=frozenset({"limits"}),
    read=read,
    values=values,
    summary=summary,
    keeps_typed=True,
)
