"""A key's own conversations: read with GET, erased with DELETE /api/{uuid}/sessions/{id} (P16)."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response

from app.gateway.native import answer_lookup
from app.services import conversations

blueprint = Blueprint("sessions_api", __name__, url_prefix="/api/<uuid:project>/sessions/<uuid:session>")


@blueprint.get("")
def show(project: UUID, session: UUID) -> Response:
    """Show what was said."""
    return answer_lookup(project, "chat", lambda caller: conversations.own(caller, str(session)))


@blueprint.delete("")
def delete(project: UUID, session: UUID) -> Response:
    """Erase it."""
    return answer_lookup(project, "chat", lambda caller: conversations.erase_own(caller, str(session)))
