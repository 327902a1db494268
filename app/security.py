"""Headers on every response, and the refusal of new work while draining."""

from __future__ import annotations

from flask import Flask, Response, request

from app import lifecycle, respond
from app.domain.dialects import ANTHROPIC
from app.domain.errors import Overloaded
from app.errors import dialect_of

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
    dialect = dialect_of(request.path)
    error = Overloaded(retry_after_seconds=5)
    if dialect is not None:
        return respond.error_response(error, dialect)
    return Response(error.message, status=503, headers={"Retry-After": "5"}, content_type="text/plain")


def add_headers(response: Response) -> Response:
    """Add the request ids, and the browser's protections."""
    ours, add = respond.request_id(), response.headers.add
    add("X-Request-Id", respond.client_request_id() or ours)
    add("X-Sluice-Request-Id", ours)
    if dialect_of(request.path) is ANTHROPIC:
        response.headers.setdefault("Request-Id", ours)
    for name, value in ALWAYS:
        add(name, value)
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    if is_page and not request.path.startswith("/static/"):
        for name, value in ON_PAGES.items():
            response.headers.setdefault(name, value)
    return response
