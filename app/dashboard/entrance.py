"""What the pages before signing in share: letting a person in, where from, and where to."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, g, make_response, redirect, render_template, request, session
from flask_login import current_user, login_user
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.wrappers import Response as BaseResponse

from app.config import Settings
from app.dashboard.auth import SignedIn, actor
from app.domain.client_address import client_address
from app.domain.errors import NotFound
from app.domain.ids import new_id
from app.models import User, Workspace
from app.services import workspaces

LAST_WORKSPACE = "workspace"
DEVICE_COOKIE = "sluice_device"
DEVICE_SECONDS = 365 * 24 * 3600
MOST_PATH = 2_000


def page(template: str, status: int = 200, **context: Any) -> Response:
    """Render a page for somebody who may not be signed in."""
    return make_response(render_template(template, **context), status)


def settings() -> Settings:
    """Return the settings of the running application."""
    return current_app.config["SETTINGS"]  # type: ignore[no-any-return]


def let_in(user: User, to: str) -> BaseResponse:
    """Start a new session for the person, remember the browser, and send it on."""
    remembered = session.get(LAST_WORKSPACE)
    session.clear()
    login_user(SignedIn(user))
    session.permanent = True
    if remembered:
        session[LAST_WORKSPACE] = remembered
    return remember_device(redirect(to, 303), user)


def address() -> str:
    """Return the address that the request comes from."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    return client_address(request.remote_addr, forwarded, settings().trusted_proxies)


def serializer() -> URLSafeSerializer:
    """Return what signs the device cookie."""
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="device")


def remember_device(response: BaseResponse, user: User) -> BaseResponse:
    """Let this browser try passwords for the person even while strangers use up their tries."""
    if device_of(user.email):
        return response
    response.set_cookie(
        DEVICE_COOKIE,
        serializer().dumps([user.email, new_id()]),
        max_age=DEVICE_SECONDS,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return response


def device_of(email: str) -> str:
    """Return the id of this browser when the person signed in here before, else ""."""
    try:
        known, device = serializer().loads(request.cookies.get(DEVICE_COOKIE, ""))
    except (BadSignature, ValueError, TypeError):
        return ""
    return str(device) if known == email.strip().lower() else ""


def safe_path(given: str | None) -> str | None:
    """Return `given` when it is a path of this site; None for whatever could lead elsewhere."""
    if not given or len(given) > MOST_PATH or not given.isascii() or not given.isprintable():
        return None
    if not given.startswith("/") or given.startswith("//") or "\\" in given or " " in given:
        return None
    return given


def last_workspace() -> Workspace | None:
    """Return the workspace that the person used last, else their first; None when they have none."""
    mine = workspaces.list_all(actor())
    slug = session.get(LAST_WORKSPACE)
    return next((found for found in mine if found.slug == slug), mine[0] if mine else None)


def enter_last_workspace() -> None:
    """Frame a page that belongs to no workspace with the one used last."""
    found = last_workspace() if current_user.is_authenticated else None
    if found is not None:
        try:
            g.workspace, g.role = workspaces.find(actor(), found.slug)
        except NotFound:
            return
