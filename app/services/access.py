"""Who may do what in a workspace; every verb that touches one asks here first."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.actors import Actor, at_least
from app.domain.errors import NotAllowed, NotFound
from app.models import Key, Membership

ENDPOINTS_WRITE = "endpoints:write"


def role_of(session: Session, actor: Actor, workspace_id: str) -> str | None:
    """Return the actor's role in the workspace; the system is an owner everywhere."""
    if actor.kind == "system":
        return "owner"
    if actor.kind == "key":
        return role_of_key(session, actor, workspace_id)
    if actor.kind != "person":
        return None
    return session.scalar(
        select(Membership.role).where(Membership.workspace_id == workspace_id, Membership.user_id == actor.id)
    )


def role_of_key(session: Session, actor: Actor, workspace_id: str) -> str | None:
    """Return a key's role: that of an editor with the scope to change endpoints (P30), else none.

    Which project's is for `services.management` to say, the one way in for keys.
    """
    key = session.get(Key, actor.id)
    if key is None or key.workspace_id != workspace_id or key.revoked_at is not None:
        return None
    return "editor" if ENDPOINTS_WRITE in key.scopes else None


def require(session: Session, actor: Actor, workspace_id: str, least: str) -> str:
    """Return the actor's role; raise NotFound for strangers, NotAllowed for a lesser role."""
    role = role_of(session, actor, workspace_id)
    if role is None:
        raise NotFound
    if not at_least(role, least):
        raise NotAllowed(f"Your role here is {role}; this needs {least}.")
    return role
