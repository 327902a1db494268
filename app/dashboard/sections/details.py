"""The section of an endpoint's name, slug and description."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.dashboard import forms
from app.dashboard.sections.section import Section
from app.services.endpoints import EndpointView


def read() -> dict[str, Any]:
    """Return the form as the service takes it."""
    return {name: forms.text(name).strip() for name in ("name", "slug", "description")}


def values(view: EndpointView) -> dict[str, Any]:
    """Return what the form shows."""
    endpoint = view.endpoint
    return {"name": endpoint.name, "slug": endpoint.slug, "description": view.working_config.description}


def summary(view: EndpointView) -> str:
    """Return the section in a line."""
    return view.working_config.description or str(_("No description yet"))


section = Section(
    name="details",
    label=_l("Name and address"),
    hint=_l("What it is called, here and in its address. A new name or slug holds at once, without a draft."),
    icon="pencil",
    fields=frozenset({"name", "slug", "description"}),
    read=read,
    values=values,
    summary=summary,
    keeps_typed=True,
)
