"""The conversations that an endpoint remembers: listed, read and erased."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, g, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from app.dashboard import conversation_words, forms, pages
from app.dashboard.auth import actor
from app.dashboard.endpoints import find
from app.domain.actors import at_least
from app.domain.errors import NotFound
from app.domain.ids import is_uuid
from app.services import conversations

blueprint = Blueprint(
    "conversations", __name__, url_prefix="/w/<workspace>/endpoints/<uuid:endpoint_id>/conversations"
)


@blueprint.get("")
def index(endpoint_id: UUID) -> Response:
    """List an endpoint's conversations, the last used first."""
    view, project = find(endpoint_id)
    place = {"before_id": named("before"), "after_id": named("after")}
    return pages.page(
        "conversations/index.html",
        view=view,
        project=project,
        found=conversations.list_page(actor(), g.workspace.id, view.endpoint.id, **place),
        may_read=at_least(g.role, "editor"),
    )


@blueprint.get("/<uuid:session>")
def show(endpoint_id: UUID, session: UUID) -> Response:
    """Show what was said."""
    forms.require("editor")
    view, project = find(endpoint_id)
    found, turns = conversations.find(actor(), g.workspace.id, str(session))
    if found.session.endpoint_id != view.endpoint.id:
        raise NotFound("There is no such conversation.")
    return pages.page(
        "conversations/show.html",
        view=view,
        project=project,
        conversation=found,
        turns=[(turn, conversation_words.told(turn.messages)) for turn in turns],
    )


@blueprint.post("/<uuid:session>/delete")
def delete(endpoint_id: UUID, session: UUID) -> BaseResponse:
    """Erase one conversation."""
    conversations.erase_one(actor(), g.workspace.id, str(session))
    return pages.see("conversations.index", _("The conversation is erased."), endpoint_id=endpoint_id)


@blueprint.post("/delete")
def clear(endpoint_id: UUID) -> BaseResponse:
    """Erase all conversations."""
    count = conversations.erase_all(actor(), g.workspace.id, str(endpoint_id))
    text = ngettext("%(num)d conversation is erased.", "%(num)d conversations are erased.", count)
    return pages.see("conversations.index", text, endpoint_id=endpoint_id)


def named(name: str) -> str | None:
    """Return a conversation's id from the address; anything else counts as absent."""
    given = request.args.get(name, "")
    return given if is_uuid(given) else None
