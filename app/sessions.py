"""Browser sessions for the dashboard alone: the gateway's routes know no cookie."""

from __future__ import annotations

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from app.errors import dialect_of


class DashboardSessions(SecureCookieSessionInterface):
    """Flask's signed cookies; on a gateway route the session is the empty one, which nobody pays for."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session, or None where bearer keys let people in."""
        return None if dialect_of(request.path) is not None else super().open_session(app, request)


def register(app: Flask) -> None:
    """Use these sessions."""
    app.session_interface = DashboardSessions()
