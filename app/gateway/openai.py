"""The OpenAI-compatible door: chat completions and embeddings, of any model of any provider (A1, R1)."""

from __future__ import annotations

from flask import Blueprint, Response

from app import compare, respond
from app.domain import embeddings
from app.domain.comparisons import Comparing
from app.domain.dialects import OPENAI

blueprint = Blueprint("openai", __name__, url_prefix="/v1")


@blueprint.post("/chat/completions")
def create() -> Response:
    """Answer a chat with the model that the body names, or with several at once."""
    call = respond.new_call(OPENAI, "proxy", names_model=True, compares=True)
    try:
        return respond.answer(call, OPENAI)
    except Comparing as asked:
        return compare.answer(call, asked)


@blueprint.post("/embeddings")
def embed() -> Response:
    """Turn texts into vectors with the model that the body names."""
    call = respond.new_call(OPENAI, "proxy", names_model=True, operation=embeddings.OPERATION)
    return respond.answer(call, embeddings.DIALECT)
