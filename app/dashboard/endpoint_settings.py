"""The settings of an endpoint, section by section: each saved as a draft or published at once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, g
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import forms, model_words, pages, versions
from app.dashboard.auth import actor
from app.dashboard.endpoints import find
from app.dashboard.sections import SECTIONS, named
from app.dashboard.sections.section import Section
from app.domain.errors import Conflict, InvalidInput
from app.domain.version_diffs import differences
from app.models import Project
from app.services import endpoints
from app.services.endpoints import EndpointView

blueprint = Blueprint(
    "endpoint_settings", __name__, url_prefix="/w/<workspace>/endpoints/<uuid:endpoint_id>/settings"
)


@blueprint.get("/<section>")
def edit(endpoint_id: UUID, section: str) -> Response:
    """Show one section of an endpoint's settings."""
    forms.require("editor")
    view, project = find(endpoint_id)
    found = named(section)
    return page(found, view, project, found.values(view))


@blueprint.post("/<section>")
def update(endpoint_id: UUID, section: str) -> Response:
    """Save a section over the working version: as a draft, or published."""
    view, project = find(endpoint_id)
    found, publish = named(section), forms.text("save_as") != "draft"
    try:
        saved = save(view, found, publish)
    except (InvalidInput, Conflict) as error:
        return page(found, view, project, found.typed(), error)
    if publish and saved.draft is not None and not saved.endpoint.pinned:
        return versions.to_review(saved)
    return pages.see("endpoints.show", message(view, saved), endpoint_id=view.endpoint.id)


@blueprint.post("/<section>/form")
def build(endpoint_id: UUID, section: str) -> Response:
    """Show the submitted form again, after what its pressed button does to it; nothing is saved."""
    forms.require("editor")
    view, project = find(endpoint_id)
    found = named(section)
    return page(found, view, project, found.typed())


def save(view: EndpointView, section: Section, publish: bool) -> EndpointView:
    """Save the submitted form of a section; what may break an example stays a draft."""
    given, note = section.read(), forms.text("note")
    place = g.workspace.id, view.endpoint.id
    return endpoints.save(actor(), *place, given, note, base=base(), publish=publish, proven_only=True)


def base() -> int | None:
    """Return the number of the version that the editor started from."""
    number = forms.whole("base")
    return number if isinstance(number, int) else None


def message(before: EndpointView, after: EndpointView) -> str:
    """Return what saving has done."""
    if after.version.number != before.version.number:
        number = after.version.number
        return str(_("Saved as version %(number)d, which answers from now on.", number=number))
    if after.draft is not None and after.working_version.number != before.working_version.number:
        number = after.draft.number
        return str(_("Saved as a draft, version %(number)d. Calls are answered as before.", number=number))
    return str(_("Saved. What it answers with has not changed."))


def errors_of(section: Section, error: InvalidInput | Conflict) -> dict[str, str]:
    """Return the texts to show; what is wrong with another section's field names that section."""
    elsewhere = {field: other.label for other in SECTIONS if other is not section for field in other.fields}
    return {
        name: f"{elsewhere[name]}: {text}" if name in elsewhere else text
        for name, text in pages.errors_of(error).items()
    }


def page(
    section: Section,
    view: EndpointView,
    project: Project,
    values: dict[str, Any],
    error: InvalidInput | Conflict | None = None,
    **further: Any,
) -> Response:
    """Return a section's form with its values, and with what is wrong with them."""
    return pages.page(
        f"endpoints/sections/{section.name}.html",
        section=section,
        sections=SECTIONS,
        view=view,
        project=project,
        values=values,
        errors=errors_of(section, error) if error else {},
        words=model_words,
        drafted=differences(view.config, view.working_config),
        status=422 if error else 200,
        **(section.more(view, project) | further),
    )
