"""Routing: try a prompt and see who would answer, and how a project chooses among all models."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, g, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import forms, pages, receipt_words, route_form
from app.dashboard.auth import actor
from app.domain import route_stories
from app.domain.errors import InvalidFields, InvalidInput
from app.domain.pricing import format_usd
from app.models import Project
from app.services import model_choices, projects, route_previews

blueprint = Blueprint("routing", __name__, url_prefix="/w/<workspace>/routing")


@blueprint.get("")
def index() -> Response:
    """Show the project that is most likely meant: one whose applications name models."""
    listed = choices()
    if not listed:
        return pages.page("routing/none.html")
    return project_page(listed[0])


@blueprint.get("/<uuid:project>")
def show(project: UUID) -> Response:
    """Show a project's routing."""
    return project_page(projects.find(actor(), g.workspace.id, str(project)))


@blueprint.post("/<uuid:project>/try")
def create(project: UUID) -> Response:
    """Show who would answer; nobody is asked, nothing is paid."""
    found = projects.find(actor(), g.workspace.id, str(project))
    try:
        body = route_form.body()
    except InvalidInput as error:
        return project_page(found, tried=forms.typed(), errors=pages.errors_of(error))
    preview = route_previews.preview(actor(), g.workspace.id, found.id, body)
    return project_page(found, tried=forms.typed(), preview=preview)


@blueprint.post("/<uuid:project>")
def update(project: UUID) -> Response:
    """Store how the project chooses."""
    found = projects.find(actor(), g.workspace.id, str(project))
    try:
        projects.update(actor(), g.workspace.id, found.id, {"gateway": route_form.settings()})
    except InvalidFields as error:
        errors = {name.removeprefix("gateway."): text for name, text in error.errors.items()}
        return project_page(found, values=forms.typed(), errors=errors)
    return pages.see("routing.show", _("Saved."), project=found.id)


def project_page(
    project: Project,
    *,
    tried: dict[str, Any] | None = None,
    preview: route_previews.Preview | None = None,
    values: dict[str, Any] | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    """Return the page, or only the answer to a prompt that was tried."""
    decision = preview.decision if preview else None
    shared: dict[str, Any] = {
        "project": project,
        "preview": preview,
        "told": route_stories.tell(decision) if decision else None,
        "say": receipt_words.say,
        "errors": errors or {},
        "tried": tried or route_form.BLANK,
    }
    if tried is not None and pages.is_part():
        status = 422 if errors else 200
        return pages.page("routing/show.html", part="routing/_tried.html", status=status, **shared)
    now = datetime.now(UTC)
    since = datetime(now.year, now.month, 1, tzinfo=UTC)
    return pages.page(
        "routing/show.html",
        status=422 if errors else 200,
        values=values or projects.as_fields(project)["gateway"],
        tabs=tabs(project),
        policies=route_form.policies(),
        models=known_models(project.id),
        savings=route_previews.saved(actor(), g.workspace.id, project.id, since),
        format_usd=format_usd,
        **shared,
    )


def tabs(project: Project) -> list[tuple[str, str, bool]]:
    """Return a tab for each project: label, address, is it open."""
    return [
        (each.name, url_for("routing.show", project=each.id), each.id == project.id) for each in choices()
    ]


def choices() -> list[Project]:
    """Return the projects to choose from: those that are on, first those whose applications name models."""
    listed = [each for each in projects.list_all(actor(), g.workspace.id) if each.active]
    return sorted(listed, key=lambda each: "proxy" not in each.surfaces)


def known_models(project_id: str) -> list[str]:
    """Return the models that a baseline can be picked from."""
    shelves = model_choices.list_shelves(actor(), g.workspace.id, project_id)
    return [choice.model_id for shelf in shelves for choice in shelf.choices]
