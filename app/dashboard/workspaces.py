"""Making a workspace: for operators."""

from __future__ import annotations

from zoneinfo import available_timezones

from flask import Blueprint
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import entrance, forms, pages
from app.dashboard.auth import actor
from app.domain.errors import Conflict, InvalidInput, NotAllowed
from app.services import setup, workspaces

blueprint = Blueprint("workspaces", __name__, url_prefix="/workspaces")


@blueprint.get("/new")
def new() -> Response:
    """Show the form for a new workspace."""
    if not actor().is_operator:
        raise NotAllowed("Only an operator can make a workspace.")
    return form_page({"name": "", "timezone": entrance.settings().timezone})


@blueprint.post("")
def create() -> Response:
    """Make a workspace with its demo project and go there."""
    typed = {"name": forms.text("name"), "timezone": forms.text("timezone")}
    try:
        made = setup.create_workspace(actor(), typed)
    except (InvalidInput, Conflict) as error:
        return form_page(typed, error)
    message = _("“%(name)s” is ready, with a demo project.", name=made.name)
    return pages.see("home.index", message, workspace=made.slug)


def form_page(values: dict[str, str], error: InvalidInput | Conflict | None = None) -> Response:
    """Return the form with its values, and with what is wrong with them."""
    entrance.enter_last_workspace()
    return pages.page(
        "settings/new_workspace.html",
        values=values,
        errors=pages.errors_of(error) if error else {},
        timezones=sorted(available_timezones()),
        is_first=not workspaces.list_all(actor()),
        status=422 if error else 200,
    )
