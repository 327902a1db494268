"""Invitations: a link, shown once, by which one person joins a workspace in a role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.errors import Conflict, NotAllowed, NotFound
from app.domain.fields import Collector, text
from app.models import Membership, OneTimeLink, User, Workspace
from app.models.columns import utc_now
from app.services import access, audit, links, members, people

LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a link offers, and the person who already signs in with its address."""

    workspace: Workspace
    email: str
    role: str
    user: User | None


def create(actor: Actor, workspace_id: str, fields: Mapping[str, Any]) -> str:
    """Invite an e-mail address (`email`, `role`); return the link's token. Admins only."""
    email, role = parse(fields)

    def work(session: Session) -> str:
        own = access.require(session, actor, workspace_id, "admin")
        if role == "owner" and own != "owner":
            raise NotAllowed("Only an owner can invite an owner.")
        if is_member(session, workspace_id, email):
            raise Conflict("This person is a member already.", param="email")
        session.execute(delete(OneTimeLink).where(*open_ones(workspace_id), OneTimeLink.email == email))
        change = audit.Change("invitation.create", None, email, {"role": [None, role]})
        audit.write(session, actor, workspace_id, change)
        return links.add(session, "invitation", LIFETIME, workspace_id=workspace_id, email=email, role=role)

    return database.transaction(work)


def list_open(actor: Actor, workspace_id: str) -> list[OneTimeLink]:
    """Return the invitations that can still be accepted, newest first. Admins only."""

    def work(session: Session) -> list[OneTimeLink]:
        access.require(session, actor, workspace_id, "admin")
        query = select(OneTimeLink).where(*open_ones(workspace_id), OneTimeLink.expires_at > utc_now())
        return list(session.scalars(query.order_by(OneTimeLink.created_at.desc())))

    return database.read(work)


def revoke(actor: Actor, workspace_id: str, invitation_id: str) -> None:
    """Take an invitation back. Admins only, and only owners one for an owner."""

    def work(session: Session) -> None:
        own = access.require(session, actor, workspace_id, "admin")
        where = *open_ones(workspace_id), OneTimeLink.id == invitation_id
        link = session.scalars(select(OneTimeLink).where(*where)).first()
        if link is None:
            raise NotFound("There is no such invitation.")
        if link.role == "owner" and own != "owner":
            raise NotAllowed("Only an owner can do this to an owner.")
        session.delete(link)
        change = audit.Change("invitation.revoke", None, link.email or "", {"role": [link.role, None]})
        audit.write(session, actor, workspace_id, change)

    database.transaction(work)


def find(token: str) -> Invitation:
    """Return what the link offers; raise NotFound."""

    def work(session: Session) -> Invitation:
        link = links.find(session, "invitation", token)
        email = link.email or ""
        workspace = session.get_one(Workspace, link.workspace_id)
        return Invitation(workspace, email, link.role or "", people.get_by_email(session, email))

    return database.read(work)


def accept(token: str, user: User) -> Workspace:
    """Make the person a member and use the link; only the person it was made for. Raise NotFound."""
    actor = people.as_actor(user)

    def work(session: Session) -> Workspace:
        return join(session, actor, links.use(session, "invitation", token))

    return database.transaction(work)


def join(session: Session, actor: Actor, link: OneTimeLink) -> Workspace:
    """Make the actor a member as the link says; a member already keeps their role."""
    if link.email != actor.label:
        raise NotAllowed("This invitation is for somebody else.")
    workspace = session.get_one(Workspace, link.workspace_id)
    if not is_member(session, workspace.id, actor.label):
        session.add(Membership(workspace_id=workspace.id, user_id=actor.id, role=link.role))
    change = audit.Change("member.join", actor.id, actor.label, {"role": [None, link.role]})
    audit.write(session, actor, workspace.id, change)
    return workspace


def accept_as_new(token: str, fields: Mapping[str, Any]) -> tuple[User, Workspace]:
    """Make the invited person (`name`, `password`, `password_again`) a member, using the link."""
    find(token)
    name, hashed = parse_person(fields)

    def work(session: Session) -> tuple[User, Workspace]:
        link = links.use(session, "invitation", token)
        if people.get_by_email(session, link.email or "") is not None:
            raise Conflict("Somebody signs in with this address already. Sign in to accept.", param="name")
        user = User(name=name, email=link.email, password_hash=hashed)
        session.add(user)
        session.flush()
        return user, join(session, people.as_actor(user), link)

    return database.transaction(work)


def is_member(session: Session, workspace_id: str, email: str) -> bool:
    """Say whether the person of the address is in the workspace."""
    query = select(Membership.id).join(User, User.id == Membership.user_id)
    where = Membership.workspace_id == workspace_id, User.email == email
    return session.scalar(query.where(*where)) is not None


def open_ones(workspace_id: str) -> tuple[Any, ...]:
    """Return the conditions of the workspace's unused invitations."""
    return (
        OneTimeLink.kind == "invitation",
        OneTimeLink.workspace_id == workspace_id,
        OneTimeLink.used_at.is_(None),
    )


def parse(fields: Mapping[str, Any]) -> tuple[str, str]:
    """Check the address and the role."""
    collect = Collector()
    email = collect.take(people.check_email, str(fields.get("email") or ""))
    role = str(fields.get("role") or "")
    collect.take(members.check_role, role)
    collect.finish()
    return email, role


def parse_person(fields: Mapping[str, Any]) -> tuple[str, str]:
    """Check name and password; return the name and the password's hash."""
    collect = Collector()
    name = collect.take(text, fields, "name", most=100, required=True)
    hashed = collect.take(people.new_password, fields)
    collect.finish()
    return name, hashed
