"""How far a newcomer got, computed from what the workspace has."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.models import Endpoint, Key, Provider, RecordRow
from app.services import access, demo


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """What is done, and the demo endpoint to start with (absent once it is gone)."""

    tried: bool
    provider: bool
    endpoint: bool
    key: bool
    called: bool
    demo_endpoint: Endpoint | None

    @property
    def all_done(self) -> bool:
        """Say whether the newcomer is none any more."""
        return self.tried and self.provider and self.endpoint and self.key and self.called


def look(actor: Actor, workspace_id: str) -> FirstSteps:
    """Return which first steps are done. Viewers may."""

    def work(session: Session) -> FirstSteps:
        access.require(session, actor, workspace_id, "viewer")
        answered = RecordRow.workspace_id == workspace_id, RecordRow.outcome == "succeeded"
        mine = Endpoint.workspace_id == workspace_id
        tried, provider, endpoint, key, called = session.execute(
            select(
                exists().where(*answered),
                exists().where(Provider.workspace_id == workspace_id, Provider.dialect != "demo"),
                exists().where(mine, Endpoint.slug != demo.SLUG),
                exists().where(Key.workspace_id == workspace_id),
                exists().where(*answered, RecordRow.source == "api"),
            )
        ).one()
        where = mine, Endpoint.slug == demo.SLUG, Endpoint.active
        first = session.scalars(select(Endpoint).where(*where).order_by(Endpoint.created_at).limit(1)).first()
        return FirstSteps(tried, provider, endpoint, key, called, first)

    return database.read(work)
