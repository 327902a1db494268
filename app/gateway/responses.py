"""The Responses door: /v1/responses, to any model of any provider."""

from __future__ import annotations

from flask import Blueprint, Response

from app import respond
from app.domain.dialects import RESPONSES

blueprint = Blueprint("responses", __name__, url_prefix="/v1")


@blueprint.post("/responses")
def create() -> Response:
    """Answer with the model that the body names; nothing of it is stored for later calls."""
    return respond.answer(respond.new_call(RESPONSES, "proxy", names_model=True), RESPONSES)
