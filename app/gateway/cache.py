"""DELETE /v1/cache: a project's remembered answers are forgotten (A29)."""

from __future__ import annotations

from flask import Blueprint, Response

from app import respond
from app.domain.dialects import OPENAI
from app.domain.errors import GatewayError
from app.services import answer_cache, callers

blueprint = Blueprint("cache", __name__, url_prefix="/v1")


@blueprint.delete("/cache")
def delete() -> Response:
    """Forget every answer that the key's project keeps."""
    try:
        caller = callers.identify_now(respond.new_call(OPENAI, "proxy"), scope="chat")
        answer_cache.empty(caller)
    except GatewayError as error:
        return respond.error_response(error, OPENAI)
    return respond.json_response({"object": "cache", "deleted": True})
