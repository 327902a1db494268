"""Asking an earlier request again, of another version or another model; and finding what asked it again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.bodies import encoded
from app.domain.calls import Call, Repeat
from app.domain.endpoints import check_model_id
from app.domain.errors import InvalidInput
from app.domain.fields import text
from app.domain.ids import new_id
from app.domain.replays import asked_of
from app.models import RecordRow
from app.services import access
from app.services.receipts import Story

MOST_SHOWN = 20


def why_not(story: Story) -> str:
    """Return why a request cannot be asked again, as one word; empty when it can."""
    row, project = story.row, story.project
    if not story.keeping_allowed:
        return "never_kept"
    if project is None or (row.endpoint_id is not None and story.endpoint is None):
        return "gone"
    if not project.log_content:
        return "not_asked_for"
    if row.content is None:
        return "not_kept"
    return "" if asked_of(row.content) else "no_chat"


def call_for(actor: Actor, story: Story, *, version: int | None = None, model: str = "") -> Call:
    """Return the call that asks a request again; raise InvalidInput. Empty: as it is asked today.

    `version`: of the endpoint. `model`: in place of the endpoint's models, or of the one that was named.
    """
    asked = asked_of(story.row.content or {})
    if why_not(story) or asked is None or story.project is None:
        raise InvalidInput("This request cannot be asked again.")
    dialect, body = asked
    model = text({"model": model}, "model", most=200)
    how: dict[str, Any] = {"surface": "endpoints", "version": version}
    if story.endpoint is not None:
        if model:
            check_model_id(model, "model")
        how["slug"] = story.endpoint.slug
    else:
        body = {**body, "model": model or story.row.model_requested}
        surface = "proxy" if "proxy" in story.project.surfaces else "any"
        how = {"surface": surface, "names_model": True}
    raw = encoded(body)
    return Call(
        dialect=dialect,
        read_body=lambda: raw,
        request_id=new_id(),
        actor=actor,
        project_id=story.project.id,
        source="dashboard",
        repeats=Repeat(story.row.id, model if story.endpoint is not None else ""),
        **how,
    )


def repeats_of(actor: Actor, workspace_id: str, record_id: str) -> list[RecordRow]:
    """Return the requests that asked this one again, newest first."""

    def work(session: Session) -> list[RecordRow]:
        access.require(session, actor, workspace_id, "viewer")
        mine = RecordRow.parent_request_id == record_id, RecordRow.workspace_id == workspace_id
        where = *mine, RecordRow.source != "shadow"
        order = RecordRow.created_at.desc(), RecordRow.id.desc()
        return list(session.scalars(select(RecordRow).where(*where).order_by(*order).limit(MOST_SHOWN)))

    return database.read(work)
