"""Choosing a new password by a link from the person who runs Sluice."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from app.dashboard import entrance, pages
from app.domain.errors import InvalidInput, NotFound
from app.services import people

blueprint = Blueprint("resets", __name__, url_prefix="/reset/<token>")


@blueprint.get("")
def new(token: str) -> Response:
    """Show the form."""
    try:
        return entrance.page("auth/reset.html", email=people.find_reset(token).email)
    except NotFound:
        return gone()


@blueprint.post("")
def create(token: str) -> Response:
    """Set the password, end every session and sign in here."""
    try:
        email = people.find_reset(token).email
        user = people.reset_password(token, request.form)
    except NotFound:
        return gone()
    except InvalidInput as error:
        return entrance.page("auth/reset.html", 422, email=email, errors=pages.errors_of(error))
    return entrance.let_in(user, url_for("home.start"))


def gone() -> Response:
    """Say that the link is used up, and how to get another."""
    return entrance.page("auth/gone.html", 404, command="bin/sluice reset-link EMAIL", kind="reset")
