"""Who sits in front of the browser: sessions, the guard of every page, and the workspace in its URL."""

from __future__ import annotations

from flask import Response, current_app, g, redirect, request, url_for
from flask_login import UserMixin, current_user
from werkzeug.wrappers import Response as BaseResponse

from app.domain.actors import Actor
from app.domain.errors import NotAllowed
from app.extensions import csrf, login_manager
from app.models import User
from app.services import people, workspaces

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class SignedIn(UserMixin):
    """A signed-in person. The session holds id and epoch, so raising the epoch ends it."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.id = f"{user.id}.{user.session_epoch}"

    @property
    def actor(self) -> Actor:
        """The person as the first argument of service verbs."""
        return Actor("person", self.user.id, self.user.email, self.user.is_operator)


@login_manager.user_loader
def load_person(session_id: str) -> SignedIn | None:
    """Return the person of a session; None once their epoch has moved on."""
    user_id, _, epoch = session_id.partition(".")
    user = people.get(user_id)
    return SignedIn(user) if user is not None and str(user.session_epoch) == epoch else None


def actor() -> Actor:
    """Return the signed-in person as an actor."""
    return current_user.actor  # type: ignore[no-any-return]


def guard() -> BaseResponse | None:
    """Let only signed-in people in, check CSRF on every change, and find the workspace of the URL."""
    if request.method not in SAFE_METHODS:
        csrf.protect()
    if not current_user.is_authenticated:
        return to_sign_in()
    slug = (request.view_args or {}).pop("workspace", None)
    if slug is not None:
        g.workspace, g.role = workspaces.find(actor(), slug)
        if g.role == "viewer" and request.method not in SAFE_METHODS:
            raise NotAllowed("Your role here is viewer; viewers look and change nothing.")
    return None


def guard_open() -> None:
    """For the pages before signing in: only CSRF is checked."""
    if request.method not in SAFE_METHODS:
        csrf.protect()


def to_sign_in() -> BaseResponse:
    """Send the browser to the sign-in page and back; HTMX is told by a header."""
    back = request.full_path.rstrip("?") if request.method == "GET" else None
    url = url_for("sign_in.new", next=back)
    if request.headers.get("HX-Request"):
        return Response(status=401, headers={"HX-Redirect": url})
    return redirect(url, 303)


def add_workspace(endpoint: str, values: dict[str, object]) -> None:
    """Fill the current workspace into the URLs that need one."""
    if "workspace" in g and current_app.url_map.is_endpoint_expecting(endpoint, "workspace"):
        values.setdefault("workspace", g.workspace.slug)
