"""An endpoint's test form that whoever has a key of its project may use, without signing in here."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.models import Endpoint, Project
from app.services import access, audit, endpoint_versions


def share(actor: Actor, workspace_id: str, endpoint_id: str, shared: bool) -> Endpoint:
    """Open the form to everybody who has its address and a key, or close it. Editors may."""

    def work(session: Session) -> Endpoint:
        access.require(session, actor, workspace_id, "editor")
        endpoint = endpoint_versions.owned(session, workspace_id, endpoint_id, change=True)
        if endpoint.form_shared != shared:
            endpoint.form_shared = shared
            verb = "share_form" if shared else "unshare_form"
            change = audit.Change(f"endpoint.{verb}", endpoint.id, endpoint.slug, {})
            audit.write(session, actor, workspace_id, change)
        return endpoint

    return database.transaction(work)


def is_shared(project_id: str, slug: str) -> bool:
    """Say whether this address is that of a form: of an endpoint that is on, in a project that is."""
    query = (
        select(Endpoint.id)
        .join(Project, Project.id == Endpoint.project_id)
        .where(
            Endpoint.project_id == project_id,
            Endpoint.slug == slug,
            Endpoint.active,
            Endpoint.form_shared,
            Project.active,
        )
    )
    return database.read(lambda session: session.scalar(query)) is not None
