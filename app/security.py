"""Headers on every response, and the refusal of new work while draining."""

from __future__ import annotations

from flask import Flask, Response, request

from app import http, lifecycle, respond
from app.domain.dialects import ANTHROPIC
from app.domain.errors import Overloaded

CSP = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
ALWAYS = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin"))
ON_PAGES = {
    "Content-Security-Policy": CSP,
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
}
SERVED_WHILE_DRAINING = ("/healthz", "/readyz", "/static/")


def register(app: Flask) -> None:
    """Guard every request and finish every response."""
    app.before_request(refuse_while_draining)
    app.after_request(add_headers)


def refuse_while_draining() -> Response | None:
    """Answer 503 to new work while the process shuts down (1.12)."""
    if not lifecycle.draining() or request.path.startswith(SERVED_WHILE_DRAINING):
        return None
    dialect = http.current_request().dialect
    error = Overloaded(retry_after_seconds=5)
    if dialect is not None:
        return respond.error_response(error, dialect)
    return Response(error.message, status=503, headers={"Retry-After": "5"}, content_type="text/plain")


def add_headers(response: Response) -> Response:
    """Add the request ids, and the browser's protections."""
    asked = http.current_request()
    ours = asked.sluice_id
    pairs = [("X-Request-Id", asked.client_id or ours), ("X-Sluice-Request-Id", ours), *ALWAYS]
    if asked.dialect is ANTHROPIC:
        response.headers.setdefault("Request-Id", ours)
    if isinstance(response, http.Answer):
        response.add_headers(pairs)
        return response
    response.headers.extend(pairs)
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    if is_page and not asked.path.startswith("/static/"):
        for name, value in ON_PAGES.items():
            response.headers.setdefault(name, value)
    return response
