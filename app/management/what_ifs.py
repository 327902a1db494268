"""What would have happened, for programs: POST /api/v1/what-if with the scope `analytics:read`."""

from __future__ import annotations

from flask import Blueprint, Response

from app import respond
from app.domain.bodies import parse_object
from app.management.analytics import answer
from app.services import what_ifs

blueprint = Blueprint("what_ifs_api", __name__, url_prefix="/api/v1")


@blueprint.post("/what-if")
def create() -> Response:
    """Say what a change would have done to past requests; nothing is changed."""
    return answer(lambda caller: what_ifs.of_caller(caller, parse_object(respond.read_body())))
