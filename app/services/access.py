"""Who may do what in a workspace; every verb that touches one asks here first."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.actors import Actor, at_least
from app.domain.errors import NotAllowed, NotFound
from app.models import Membership


def role_of(session: Session, actor: Actor, workspace_id: str) -> str | None:
    """Return the actor's role in the workspace; the system is an owner everywhere."""
    if actor.kind == "system":
        return "owner"
    if actor.kind != "person":
        return None
    return session.scalar(
        select(Membership.role).where(Membership.workspace_id == workspace_id, Membership.user_id == actor.id)
    )


def require(session: Session, actor: Actor, workspace_id: str, least: str) -> str:
    """Return the actor's role; raise NotFound for strangers, NotAllowed for a lesser role."""
    role = role_of(session, actor, workspace_id)
    if role is None:
        raise NotFound
    if not at_least(role, least):
        raise NotAllowed(f"Your role here is {role}; this needs {least}.")
    return role
