"""What the memory plugin keeps of end users: to be seen, and erased one by one or all at once."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, g, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.dashboard import forms, pages
from app.dashboard.auth import actor
from app.domain.actors import at_least
from app.domain.errors import NotFound
from app.domain.ids import is_uuid
from app.models import Project
from app.services import memories, plugin_settings, projects

blueprint = Blueprint("memories", __name__, url_prefix="/w/<workspace>/memories")


@blueprint.get("")
def index() -> Response:
    """Show of whom a project remembers something and, for `user`, what."""
    listed = sorted(projects.list_all(actor(), g.workspace.id), key=lambda each: "proxy" not in each.surfaces)
    chosen = chosen_project(listed, request.args.get("project", ""))
    user, query = request.args.get("user", "")[:200], request.args.get("q", "").strip()[:200]
    place = (actor(), g.workspace.id, chosen.id) if chosen else None
    return pages.page(
        "memories/index.html",
        projects=listed,
        project_options=[(project.id, project.name) for project in listed],
        project=chosen,
        user=user,
        query=query,
        people=memories.list_users(*place, query.replace("\x00", "")) if place else [],
        kept=memories.list_of(*place, user.replace("\x00", "")) if place and user else [],
        is_on=plugin_settings.find(actor(), g.workspace.id, "memory").state == "ready",
        may_erase=at_least(g.role, "editor"),
    )


@blueprint.post("/<uuid:memory>/delete")
def delete(memory: UUID) -> BaseResponse:
    """Erase one memory."""
    gone = memories.erase_one(actor(), g.workspace.id, str(memory))
    return pages.see("memories.index", _("It is erased."), project=gone.project_id, user=gone.end_user)


@blueprint.post("/forget")
def forget() -> BaseResponse:
    """Erase all that a project remembers of a user."""
    project, user = forms.text("project"), forms.text("user")
    count = memories.erase_all(actor(), g.workspace.id, project, user)
    text = _("Erased: %(count)d memories of %(user)s.", count=count, user=user)
    return pages.see("memories.index", text, project=project)


def chosen_project(listed: list[Project], wanted: str) -> Project | None:
    """Return the project that the address names, else the first; NotFound for one that is not here."""
    if not wanted:
        return listed[0] if listed else None
    found = next((project for project in listed if project.id == wanted), None)
    if found is None or not is_uuid(wanted):
        raise NotFound("There is no such project.")
    return found
