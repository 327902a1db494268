"""Members: who belongs to a workspace and in which role; it always keeps an owner."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import ROLES, Actor
from app.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from app.models import Membership, User
from app.services import access, audit


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a workspace."""

    user: User
    membership: Membership


def list_all(actor: Actor, workspace_id: str) -> list[Member]:
    """Return the workspace's members: owners first, then by e-mail."""

    def work(session: Session) -> list[Member]:
        access.require(session, actor, workspace_id, "viewer")
        query = select(User, Membership).join(Membership, Membership.user_id == User.id)
        rows = session.execute(query.where(Membership.workspace_id == workspace_id))
        found = [Member(user, membership) for user, membership in rows]
        return sorted(found, key=lambda m: (-ROLES.index(m.membership.role), m.user.email))

    return database.read(work)


def set_role(actor: Actor, workspace_id: str, user_id: str, role: str) -> Member:
    """Give a member another role. Admins may, but only owners touch owners or make one."""
    check_role(role)

    def work(session: Session) -> Member:
        own = access.require(session, actor, workspace_id, "admin")
        member = owned(session, workspace_id, user_id)
        before = member.membership.role
        if before == role:
            return member
        check_owners(session, own, member, role)
        member.membership.role = role
        change = audit.Change("member.change", user_id, member.user.email, {"role": [before, role]})
        audit.write(session, actor, workspace_id, change)
        return member

    return database.transaction(work)


def remove(actor: Actor, workspace_id: str, user_id: str) -> Member:
    """End a membership. Admins may, but only owners remove owners; anybody may leave."""

    def work(session: Session) -> Member:
        own = access.require(session, actor, workspace_id, "viewer" if actor.id == user_id else "admin")
        member = owned(session, workspace_id, user_id)
        check_owners(session, own, member, None)
        session.delete(member.membership)
        verb = "leave" if actor.id == user_id else "remove"
        changes = {"role": [member.membership.role, None]}
        change = audit.Change(f"member.{verb}", user_id, member.user.email, changes)
        audit.write(session, actor, workspace_id, change)
        return member

    return database.transaction(work)


def check_owners(session: Session, own_role: str, member: Member, role: str | None) -> None:
    """Raise when an admin would touch or make an owner, or when the last owner would go."""
    if own_role != "owner" and "owner" in (member.membership.role, role):
        raise NotAllowed("Only an owner can do this to an owner.")
    if member.membership.role != "owner" or role == "owner":
        return
    where = Membership.workspace_id == member.membership.workspace_id, Membership.role == "owner"
    owners = session.scalars(select(Membership.id).where(*where).order_by(Membership.id).with_for_update())
    if len(list(owners)) < 2:
        raise Conflict("A workspace needs an owner. Make somebody else one first.", param="role")


def owned(session: Session, workspace_id: str, user_id: str) -> Member:
    """Return the workspace's own member; raise NotFound."""
    where = Membership.workspace_id == workspace_id, Membership.user_id == user_id
    membership = session.scalars(select(Membership).where(*where)).first()
    if membership is None:
        raise NotFound("There is no such member.")
    return Member(session.get_one(User, user_id), membership)


def check_role(role: str) -> None:
    """Raise InvalidInput unless there is such a role."""
    if role not in ROLES:
        raise InvalidInput(f"Choose from: {', '.join(ROLES)}.", param="role")
