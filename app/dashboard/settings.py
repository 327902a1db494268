"""A workspace's settings: its name and time zone, and who gets its alert mails."""

from __future__ import annotations

from zoneinfo import available_timezones

from flask import Blueprint, g
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import alert_words, forms, pages
from app.dashboard.auth import actor
from app.domain.errors import Conflict, InvalidInput
from app.services import alert_settings, mail, workspaces

blueprint = Blueprint("settings", __name__, url_prefix="/w/<workspace>/settings")
NAMES = ("name", "timezone")


@blueprint.get("")
def edit() -> Response:
    """Show the settings."""
    forms.require("admin")
    return form_page()


@blueprint.post("")
def update() -> Response:
    """Store the settings."""
    typed = {name: forms.text(name) for name in NAMES}
    try:
        workspaces.update(actor(), g.workspace.id, typed)
    except (InvalidInput, Conflict) as error:
        return form_page(typed, error=error)
    return pages.see("settings.edit", _("Saved."))


def form_page(
    values: dict[str, str] | None = None,
    *,
    alert_values: dict[str, list[str]] | None = None,
    error: InvalidInput | Conflict | None = None,
) -> Response:
    """Return both forms, the one that is wrong as it was typed and with what is wrong with it."""
    errors = pages.errors_of(error) if error else {}
    return pages.page(
        "settings/edit.html",
        values=values or {name: getattr(g.workspace, name) for name in NAMES},
        errors={} if alert_values else errors,
        timezones=sorted(available_timezones()),
        mine=workspaces.list_all(actor()) if actor().is_operator else [],
        alert_values=alert_values or alert_settings.find(actor(), g.workspace.id),
        alert_errors=errors if alert_values else {},
        alert_kinds=alert_words.kinds(),
        mail_server=mail.office.server is not None,
        status=422 if error else 200,
    )
