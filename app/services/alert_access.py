"""Who may see and change what tells of a workspace: people by their role, keys within their project."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.actors import Actor
from app.domain.errors import NotAllowed, NotFound
from app.models import Account, Key
from app.services import access

SCOPE = "alerts:write"
READ = "analytics:read"


def reach(session: Session, actor: Actor, workspace_id: str, least: str) -> str | None:
    """Return the project to which a key is confined; None for people, who need at least the role `least`."""
    if actor.kind != "key":
        access.require(session, actor, workspace_id, least)
        return None
    key = session.get(Key, actor.id)
    if key is None or key.workspace_id != workspace_id or key.revoked_at is not None:
        raise NotFound
    scopes = (SCOPE, READ) if least == "viewer" else (SCOPE,)
    if not set(scopes) & set(key.scopes):
        raise NotFound
    if session.scalar(select(Account.parent_id).where(Account.id == key.account_id)) is not None:
        raise NotAllowed("This key is a sub-account's: alerts tell of its whole project.")
    return key.project_id
