"""Accepting an invitation: with the account that has its e-mail address, or with a new one."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from app.dashboard import entrance, forms, pages
from app.domain.errors import Conflict, InvalidFields, InvalidInput, NotFound, TooManyTries
from app.models import User
from app.services import invitations, sign_in
from app.services.invitations import Invitation

blueprint = Blueprint("invitations", __name__, url_prefix="/invite/<token>")


@blueprint.get("")
def show(token: str) -> Response:
    """Show what the link offers and what it takes to accept."""
    try:
        return form_page(invitations.find(token))
    except NotFound:
        return gone()


@blueprint.post("")
def accept(token: str) -> Response:
    """Join the workspace, signed in."""
    try:
        invitation = invitations.find(token)
        if invitation.user is None:
            user, workspace = invitations.accept_as_new(token, request.form)
        else:
            user = proven(invitation.user)
            workspace = invitations.accept(token, user)
    except NotFound:
        return gone()
    except TooManyTries as error:
        return form_page(invitation, {"password": error.message}, 429, error.retry_after_seconds)
    except (InvalidInput, Conflict) as error:
        return form_page(invitation, pages.errors_of(error), 422)
    home = url_for("home.index", workspace=workspace.slug)
    return redirect(home, 303) if is_here(user) else entrance.let_in(user, home)


def proven(user: User) -> User:
    """Return the person when they are signed in here or know their password; raise InvalidFields."""
    if is_here(user):
        return user
    device = entrance.device_of(user.email)
    if sign_in.check(user.email, request.form.get("password", ""), entrance.address(), device) is None:
        raise InvalidFields({"password": _("The password is not right.")})
    return user


def is_here(user: User) -> bool:
    """Say whether the person is signed in in this browser."""
    return bool(current_user.is_authenticated and current_user.user.id == user.id)


def form_page(
    invitation: Invitation,
    errors: dict[str, str] | None = None,
    status: int = 200,
    retry_after: int | None = None,
) -> Response:
    """Show the invitation with what is wrong."""
    signed_in = invitation.user is not None and is_here(invitation.user)
    response = entrance.page(
        "auth/invitation.html",
        status,
        invitation=invitation,
        signed_in=signed_in,
        somebody_else=current_user.is_authenticated and not signed_in,
        values={"name": forms.text("name")},
        errors=errors or {},
    )
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def gone() -> Response:
    """Say that the link is used up, and how to get another."""
    return entrance.page("auth/gone.html", 404, command="", kind="invitation")
