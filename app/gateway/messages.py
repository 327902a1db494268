"""The Anthropic-shaped door: /v1/messages, to any model of any provider (A30)."""

from __future__ import annotations

from flask import Blueprint, Response

from app import respond
from app.domain.dialects import ANTHROPIC

blueprint = Blueprint("messages", __name__)


@blueprint.post("/v1/messages")
@blueprint.post("/anthropic/v1/messages")
def create() -> Response:
    """Answer with the model that the body names."""
    return respond.answer(respond.new_call(ANTHROPIC, "proxy", names_model=True), ANTHROPIC)


@blueprint.post("/v1/messages/count_tokens")
@blueprint.post("/anthropic/v1/messages/count_tokens")
def count_tokens() -> Response:
    """Say how many tokens a request would be, for free."""
    call = respond.new_call(ANTHROPIC, "proxy", names_model=True, operation="count_tokens")
    return respond.answer(call, ANTHROPIC)
