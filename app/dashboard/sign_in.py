"""Signing in and out."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, session, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user, logout_user
from werkzeug.wrappers import Response

from app.dashboard import entrance, forms
from app.domain.errors import TooManyTries
from app.services import people, sign_in

blueprint = Blueprint("sign_in", __name__)


@blueprint.get("/login")
def new() -> Response:
    """Show the sign-in form; before the first set-up, how to start."""
    path = entrance.safe_path(request.args.get("next"))
    if current_user.is_authenticated:
        return redirect(path or url_for("home.start"), 303)
    if not people.is_anyone_here():
        return entrance.page("auth/nobody.html")
    return entrance.page("auth/login.html", values={"next": path})


@blueprint.post("/login")
def create() -> Response:
    """Sign in; every wrong try gets the same answer."""
    email, password = forms.text("email"), request.form.get("password", "")
    try:
        user = sign_in.check(email, password, entrance.address(), entrance.device_of(email))
    except TooManyTries as error:
        return wait(error.retry_after_seconds or 60)
    if user is None:
        return wrong(_("The e-mail address or the password is not right."), 422)
    return entrance.let_in(user, entrance.safe_path(forms.text("next")) or url_for("home.start"))


@blueprint.post("/logout")
def delete() -> Response:
    """Sign out of this browser."""
    logout_user()
    session.clear()
    flash(_("You are signed out."), "success")
    return redirect(url_for("sign_in.new"), 303)


def wait(seconds: int) -> Response:
    """Say that there were too many tries, and for how long to wait."""
    message = ngettext(
        "Too many tries. Wait %(num)d second, then try again.",
        "Too many tries. Wait %(num)d seconds, then try again.",
        seconds,
    )
    response = wrong(message, 429)
    response.headers["Retry-After"] = str(seconds)
    return response


def wrong(message: str, status: int) -> Response:
    """Show the form again with what went wrong."""
    values = {"email": forms.text("email"), "next": entrance.safe_path(forms.text("next"))}
    return entrance.page("auth/login.html", status, values=values, error=message)
