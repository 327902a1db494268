"""One's own account: name, password, sessions."""

from __future__ import annotations

from flask import Blueprint, flash, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from app.dashboard import entrance, forms, pages
from app.dashboard.auth import actor
from app.domain.errors import Conflict, InvalidFields, InvalidInput, TooManyTries
from app.services import members, people, sign_in, workspaces

blueprint = Blueprint("account", __name__, url_prefix="/account")


@blueprint.get("")
def edit() -> Response:
    """Show what can be changed."""
    return form_page()


@blueprint.post("")
def update() -> Response:
    """Store the name."""
    try:
        people.update(actor(), {"name": forms.text("name")})
    except InvalidInput as error:
        return form_page(error)
    return pages.see("account.edit", _("Saved."))


@blueprint.post("/password")
def change_password() -> Response:
    """Set a new password; every other session ends, this one goes on."""
    try:
        check_current_password()
        user = people.change_password(actor(), request.form)
    except InvalidInput as error:
        return form_page(error)
    except TooManyTries as error:
        return form_page(InvalidFields({"current": error.message}), 429)
    entrance.let_in(user, url_for("account.edit"))
    return pages.see("account.edit", _("Your password is changed. You are signed out everywhere else."))


@blueprint.post("/sessions")
def end_sessions() -> Response:
    """End every session, this one too."""
    people.sign_out_everywhere(actor())
    return pages.see("sign_in.new", _("You are signed out everywhere."))


@blueprint.post("/leave")
def leave() -> Response:
    """Leave the workspace that the form names; its last owner cannot."""
    found, _role = workspaces.find(actor(), forms.text("workspace"))
    try:
        members.remove(actor(), found.id, str(actor().id))
    except Conflict as error:
        flash(error.message, "error")
        return pages.see("members.index", workspace=found.slug)
    return pages.see("home.start", _("You have left “%(name)s”.", name=found.name))


def check_current_password() -> None:
    """Raise InvalidFields unless the current password was typed; tries are counted as at the sign-in."""
    email = actor().label
    given = request.form.get("current", "")
    if sign_in.check(email, given, entrance.address(), entrance.device_of(email)) is None:
        raise InvalidFields({"current": _("This is not your current password.")})


def form_page(error: InvalidInput | None = None, status: int = 422) -> Response:
    """Return the page, with what is wrong."""
    entrance.enter_last_workspace()
    return pages.page(
        "account/edit.html",
        name=request.form.get("name", current_user.user.name),
        errors=pages.errors_of(error) if error else {},
        status=status if error else 200,
    )
