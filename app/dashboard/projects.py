"""Projects: their list, a project's home, and its settings."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, g
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app import respond
from app.dashboard import budget_words, forms, light_use, pages, policy_words, proxy_use
from app.dashboard.addresses import public_root
from app.dashboard.auth import actor
from app.domain.errors import Conflict, InvalidInput
from app.domain.openapi import About, Described, document
from app.models import Project
from app.services import call_counts, endpoints, keys, policies, projects
from app.services.record_rows import content_allowed

blueprint = Blueprint("projects", __name__, url_prefix="/w/<workspace>/projects")
BLANK: dict[str, Any] = {"name": "", "surfaces": ["endpoints"], "content_retention_days": 30}


@blueprint.get("")
def index() -> Response:
    """List the workspace's projects."""
    cards = projects.list_cards(actor(), g.workspace.id)
    recent = call_counts.by_project(actor(), g.workspace.id)
    return pages.page("projects/index.html", cards=cards, recent=recent)


@blueprint.get("/<uuid:project>")
def show(project: UUID) -> Response:
    """Show a project's home: its address, endpoints and keys."""
    found = projects.find(actor(), g.workspace.id, str(project))
    views = endpoints.list_all(actor(), g.workspace.id, found.id)
    recent = call_counts.by_endpoint(actor(), g.workspace.id)
    rows = keys.list_all(actor(), g.workspace.id, found.id)
    active = [key for key in rows if keys.state_of(key) == "active"]
    return pages.page(
        "projects/show.html",
        project=found,
        views=views,
        recent=recent,
        active_keys=active,
        use=proxy_use.use_of(found),
        light=light_use.use_of(found),
        policies=policies.list_all(actor(), g.workspace.id, found.id),
        policy_words=policy_words,
        last_used_at=max((key.last_used_at for key in active if key.last_used_at), default=None),
        budgets=budget_words.block("project", found.id),
        budget_words=budget_words,
    )


@blueprint.get("/<uuid:project>/openapi.json")
def openapi(project: UUID) -> Response:
    """Hand out the project's endpoints as an OpenAPI file."""
    found = projects.find(actor(), g.workspace.id, str(project))
    views = endpoints.list_all(actor(), g.workspace.id, found.id)
    active = [view for view in views if view.endpoint.active]
    described = [Described(view.endpoint.slug, view.endpoint.name, view.config) for view in active]
    response = respond.json_response(document(About(found.id, found.name, public_root()), described))
    response.headers["Content-Disposition"] = 'attachment; filename="openapi.json"'
    return response


@blueprint.get("/new")
def new() -> Response:
    """Show the form for a new project."""
    forms.require("editor")
    return form_page("projects/new.html", BLANK)


@blueprint.post("")
def create() -> Response:
    """Make a project and lead to its home."""
    try:
        made = projects.create(actor(), g.workspace.id, fields())
    except (InvalidInput, Conflict) as error:
        return form_page("projects/new.html", typed(), error)
    return pages.see(
        "projects.show", _("“%(name)s” is ready. Now make an endpoint.", name=made.name), project=made.id
    )


@blueprint.get("/<uuid:project>/edit")
def edit(project: UUID) -> Response:
    """Show a project's settings."""
    forms.require("editor")
    found = projects.find(actor(), g.workspace.id, str(project))
    return form_page("projects/edit.html", projects.as_fields(found), project=found)


@blueprint.post("/<uuid:project>/edit")
def update(project: UUID) -> Response:
    """Store a project's settings."""
    found = projects.find(actor(), g.workspace.id, str(project))
    try:
        projects.update(actor(), g.workspace.id, found.id, fields())
    except (InvalidInput, Conflict) as error:
        return form_page("projects/edit.html", typed(), error, project=found)
    return pages.see("projects.show", _("Saved."), project=found.id)


@blueprint.post("/<uuid:project>/active")
def switch(project: UUID) -> Response:
    """Switch a project on or off."""
    active = forms.text("active") == "1"
    changed = projects.update(actor(), g.workspace.id, str(project), {"active": active})
    message = _("“%(name)s” is switched on.") if active else _("“%(name)s” is switched off.")
    return pages.see("projects.show", message % {"name": changed.name}, project=changed.id)


def fields() -> dict[str, Any]:
    """Return the form as the service takes it."""
    days = forms.whole("content_retention_days")
    return {
        "name": forms.text("name"),
        "surfaces": forms.many("surfaces"),
        "log_content": forms.switch("log_content"),
        "management_api": forms.switch("management_api"),
        **({} if days is None else {"content_retention_days": days}),
    }


def typed() -> dict[str, Any]:
    """Return what was typed, to show it again."""
    return {**forms.typed(), "surfaces": forms.many("surfaces")}


def form_page(
    template: str,
    values: dict[str, Any],
    error: InvalidInput | Conflict | None = None,
    project: Project | None = None,
) -> Response:
    """Return the form with its values, and with what is wrong with them."""
    return pages.page(
        template,
        values=values,
        errors=pages.errors_of(error) if error else {},
        project=project,
        content_allowed=content_allowed.allowed,
        status=422 if error else 200,
    )
