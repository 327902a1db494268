"""The policy door: an OpenAI chat whose models the project's policy decides (K3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response

from app import respond
from app.domain import kagu
from app.domain.dialects import OPENAI, openai_answer
from app.domain.records import Record

blueprint = Blueprint("policy_door", __name__, url_prefix="/runtime/proxy")


def answer(completion: dict[str, Any], record: Record) -> dict[str, Any]:
    """Return OpenAI's answer with the top-level `kagu` object (K7)."""
    return {**openai_answer(completion, record), "kagu": kagu.told(record)}


KAGU = replace(OPENAI, answer=answer)


@blueprint.post("/chat/completions")
def create() -> Response:
    """Answer a chat with a model that the policy leaves."""
    return respond.answer(respond.new_call(KAGU, "proxy", names_model=True, by_policy=True), KAGU)
