"""Errors raised by Flask itself or unexpectedly, in the dialect of the route they hit (C1)."""

from __future__ import annotations

import logging

from flask import Flask, Response, render_template, request
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from werkzeug.exceptions import HTTPException

from app import http, respond
from app.domain.errors import BodyTooLarge, Conflict, GatewayError, InvalidRequest, NotFound, Overloaded

log = logging.getLogger(__name__)


def register(app: Flask) -> None:
    """Handle every error that a view did not."""
    app.register_error_handler(GatewayError, handle_ours)
    app.register_error_handler(HTTPException, handle_http)
    app.register_error_handler(SQLAlchemyError, handle_database)
    app.register_error_handler(Exception, handle_unexpected)


def handle_ours(error: GatewayError) -> Response:
    """Render one of our own errors."""
    dialect = http.current_request().dialect
    if dialect is not None:
        return respond.error_response(error, dialect)
    return page(error.status, error.message)


def handle_http(error: HTTPException) -> Response:
    """Render an error of Flask's: 404, 405, 413 …"""
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()  # type: ignore[return-value]
    status = error.code or 500
    dialect = http.current_request().dialect
    if dialect is None:
        return page(status, "")
    ours = {404: NotFound(), 413: BodyTooLarge()}.get(status) or InvalidRequest(error.description or "")
    response = respond.error_response(ours, dialect)
    response.status_code = status
    response.headers.extend(allowed_methods(error))
    return response


def allowed_methods(error: HTTPException) -> dict[str, str]:
    """Return the Allow header of a 405."""
    methods = getattr(error, "valid_methods", None)
    return {"Allow": ", ".join(sorted(methods))} if methods else {}


def handle_database(error: SQLAlchemyError) -> Response:
    """The database is away or too slow: fail closed, quickly (reliability 1.6). Or it refuses the values."""
    if isinstance(error, IntegrityError):
        return handle_ours(Conflict("Somebody changed this at the same moment. Look at it, then try again."))
    if isinstance(error, DataError):  # for example a NUL character, which PostgreSQL knows no place for
        return handle_ours(InvalidRequest())
    log.error("database error on %s: %s", request.endpoint, type(error).__name__)
    return handle_ours(Overloaded(retry_after_seconds=5))


def handle_unexpected(error: Exception) -> Response:
    """Our own fault: say so, with the request's id; the details go to the log alone."""
    log.error("unexpected error on %s", request.endpoint, exc_info=error)
    return handle_ours(GatewayError())


def page(status: int, message: str) -> Response:
    """Return the dashboard's error page."""
    html = render_template(
        "errors/error.html", status=status, message=message, request_id=respond.request_id()
    )
    return Response(html, status=status)
