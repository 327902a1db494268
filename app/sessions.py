"""Browser sessions for the dashboard alone: the gateway's routes know no cookie."""

from __future__ import annotations

from flask import Flask, Request
from flask.sessions import NullSession, SecureCookieSession, SecureCookieSessionInterface

from app import http

NOTHING = NullSession()  # it refuses to be written to, so that one serves every call


class DashboardSessions(SecureCookieSessionInterface):
    """Flask's signed cookies; on a gateway route the session is the empty one, which nobody pays for."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session, or the empty one where bearer keys let people in."""
        is_call = isinstance(request, http.Request) and request.dialect is not None
        return NOTHING if is_call else super().open_session(app, request)


def register(app: Flask) -> None:
    """Use these sessions."""
    app.session_interface = DashboardSessions()
