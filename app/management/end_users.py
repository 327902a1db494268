"""Erasing an end user with a key: DELETE /api/v1/end-users/{id}, with the scope `admin`."""

from __future__ import annotations

from flask import Blueprint, Response

from app import respond
from app.domain.dialects import OPENAI
from app.domain.errors import GatewayError
from app.services import analytics, callers, erasures

blueprint = Blueprint("end_users_api", __name__, url_prefix="/api/v1/end-users")
SCOPE = "admin"


@blueprint.delete("/<path:end_user>")
def delete(end_user: str) -> Response:
    """Erase what the key's project keeps of an end user; 202 while the rest goes on in the background."""
    try:
        caller = callers.identify_now(respond.new_call(OPENAI, "any"), scope=SCOPE)
        analytics.admit(caller)
        erased = erasures.erase_own(caller, end_user)
        told = {"object": "end_user.erased", "done": erased.is_done, "requests": erased.requests}
        counts = {"conversations": erased.conversations, "memories": erased.memories}
        response = respond.json_response({**told, **counts}, 200 if erased.is_done else 202)
    except GatewayError as error:
        response = respond.error_response(error, OPENAI)
    response.headers["Cache-Control"] = "no-store"
    return response
