"""Try it: a signed-in person calls an endpoint from its page; the answer streams as for any client."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, g, request
from flask_babel import gettext as _

from app import respond
from app.dashboard.auth import actor
from app.domain.dialects import NATIVE
from app.domain.errors import GatewayError, NotFound
from app.models import Endpoint
from app.services import endpoints

blueprint = Blueprint("try_it", __name__, url_prefix="/w/<workspace>/endpoints/<uuid:endpoint_id>")


@blueprint.post("/try")
def create(endpoint_id: UUID) -> Response:
    """Call the endpoint as its project's applications do; booked on the workspace, marked as tried here."""
    try:
        found = find_active(str(endpoint_id))
    except GatewayError as error:
        return respond.error_response(error, NATIVE)
    where = {"project_id": found.project_id, "slug": found.slug}
    version = request.args.get("version", type=int)  # a draft; else what answers now
    call = respond.person_call(actor(), NATIVE, "endpoints", **where, version=version)
    return respond.answer(call, NATIVE)


def find_active(endpoint_id: str) -> Endpoint:
    """Return the endpoint; raise NotFound, in words for a person, when it is switched off."""
    found = endpoints.find(actor(), g.workspace.id, endpoint_id).endpoint
    if not found.active:
        raise NotFound(_("This endpoint is switched off. Switch it on to try it."))
    return found
