"""Probes: /healthz says the process lives, /readyz that it can serve (M16). Both are open."""

from __future__ import annotations

from flask import Blueprint, Flask, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app import lifecycle, respond
from app.database import database
from app.services import records

blueprint = Blueprint("probes", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Say that the process lives; asks nobody."""
    return respond.json_response({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Say whether calls can be served: the database answers and the process is not draining.

    Beside that, how many records this worker could not keep since it began, if any.
    """
    if lifecycle.draining():
        return respond.json_response({"status": "draining"}, 503, {"Retry-After": "5"})
    try:
        database.read(lambda session: session.execute(text("SELECT 1")))
    except SQLAlchemyError:
        return respond.json_response({"status": "database away"}, 503, {"Retry-After": "5"})
    lost = records.writer.dropped
    return respond.json_response({"status": "ready", "records_lost": lost} if lost else {"status": "ready"})


def register(app: Flask) -> None:
    """Add the probes."""
    app.register_blueprint(blueprint)
