"""A workspace's settings: its name and time zone."""

from __future__ import annotations

from zoneinfo import available_timezones

from flask import Blueprint, g
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import forms, pages
from app.dashboard.auth import actor
from app.domain.errors import Conflict, InvalidInput
from app.services import workspaces

blueprint = Blueprint("settings", __name__, url_prefix="/w/<workspace>/settings")
NAMES = ("name", "timezone")


@blueprint.get("")
def edit() -> Response:
    """Show the settings."""
    forms.require("admin")
    return form_page({name: getattr(g.workspace, name) for name in NAMES})


@blueprint.post("")
def update() -> Response:
    """Store the settings."""
    typed = {name: forms.text(name) for name in NAMES}
    try:
        workspaces.update(actor(), g.workspace.id, typed)
    except (InvalidInput, Conflict) as error:
        return form_page(typed, error)
    return pages.see("settings.edit", _("Saved."))


def form_page(values: dict[str, str], error: InvalidInput | Conflict | None = None) -> Response:
    """Return the form with its values, and with what is wrong with them."""
    return pages.page(
        "settings/edit.html",
        values=values,
        errors=pages.errors_of(error) if error else {},
        timezones=sorted(available_timezones()),
        mine=workspaces.list_all(actor()) if actor().is_operator else [],
        status=422 if error else 200,
    )
