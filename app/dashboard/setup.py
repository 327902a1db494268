"""The first set-up, by the link that bin/run prints: no account exists before it."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from app.dashboard import entrance, forms, pages
from app.domain.errors import InvalidInput, NotFound
from app.services import setup

blueprint = Blueprint("setup", __name__, url_prefix="/setup/<token>")


@blueprint.get("")
def new(token: str) -> Response:
    """Show the form that makes the first account."""
    try:
        setup.check_link(token)
    except NotFound:
        return gone()
    return entrance.page("auth/setup.html")


@blueprint.post("")
def create(token: str) -> Response:
    """Make the first account, workspace and demo project, and sign in."""
    try:
        start = setup.run(token, request.form, entrance.settings().timezone)
    except NotFound:
        return gone()
    except InvalidInput as error:
        typed = {name: forms.text(name) for name in ("name", "email", "workspace")}
        return entrance.page("auth/setup.html", 422, values=typed, errors=pages.errors_of(error))
    return entrance.let_in(start.user, url_for("home.index", workspace=start.workspace.slug))


def gone() -> Response:
    """Say that the link is used up, and how to get another."""
    return entrance.page("auth/gone.html", 404, command="bin/sluice setup-link", kind="setup")
