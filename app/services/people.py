"""People: who may sign in, what they may change about themselves, and the links that let them back in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.errors import InvalidInput, NotAllowed, NotFound
from app.domain.fields import Collector, refuse_unknown, text
from app.domain.ids import is_uuid
from app.models import Membership, OneTimeLink, User, Workspace
from app.services import audit, links, passwords

EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
SETUP_LINK_HOURS = 24
RESET_LINK_HOURS = 24


def check_email(given: str) -> str:
    """Return the address in lower case; raise InvalidInput when it is none."""
    email = given.strip().lower()
    if not EMAIL.fullmatch(email) or not email.isprintable():
        raise InvalidInput("This is not an e-mail address.", param="email")
    return email


def has_operator(session: Session) -> bool:
    """Say whether there is an admin of the whole installation yet."""
    return session.scalars(select(User.id).where(User.is_operator).limit(1)).first() is not None


def is_anyone_here() -> bool:
    """Say whether anybody could sign in at all."""
    return database.read(lambda session: session.scalars(select(User.id).limit(1)).first() is not None)


def new_setup_token(actor: Actor) -> str | None:
    """Return the token of a new set-up link, which replaces earlier ones; None once there is an operator."""

    def work(session: Session) -> str | None:
        if has_operator(session):
            return None
        session.execute(delete(OneTimeLink).where(OneTimeLink.kind == "setup"))
        return links.add(session, "setup", timedelta(hours=SETUP_LINK_HOURS))

    return database.transaction(work)


def new_reset_token(actor: Actor, email: str) -> str:
    """Return the token of a link by which a person chooses a new password; earlier ones end. System only."""
    if actor.kind != "system":
        raise NotAllowed
    address = check_email(email)

    def work(session: Session) -> str:
        user = get_by_email(session, address)
        if user is None:
            raise NotFound("Nobody signs in with this e-mail address.")
        where = OneTimeLink.kind == "reset", OneTimeLink.user_id == user.id
        session.execute(delete(OneTimeLink).where(*where))
        audit.write(session, actor, None, audit.Change("person.make_reset_link", user.id, address, {}))
        return links.add(session, "reset", timedelta(hours=RESET_LINK_HOURS), user_id=user.id)

    return database.transaction(work)


def find_reset(token: str) -> User:
    """Return whose password the link resets; raise NotFound."""

    def work(session: Session) -> User:
        return session.get_one(User, links.find(session, "reset", token).user_id)

    return database.read(work)


def reset_password(token: str, fields: Mapping[str, Any]) -> User:
    """Set the new password and end every session; the link is used. `fields`: password, password_again."""
    find_reset(token)
    hashed = hash_new_password(fields)

    def work(session: Session) -> User:
        user = session.get_one(User, links.use(session, "reset", token).user_id)
        set_password(session, user, hashed, "person.reset_password")
        return user

    return database.transaction(work)


def change_password(actor: Actor, fields: Mapping[str, Any]) -> User:
    """Set one's own new password and end every other session. `fields`: password, password_again."""
    hashed = hash_new_password(fields)

    def work(session: Session) -> User:
        user = session.get_one(User, actor.id)
        set_password(session, user, hashed, "person.change_password")
        return user

    return database.transaction(work)


def set_password(session: Session, user: User, hashed: str, action: str) -> None:
    """Store the hash and end the sessions that the old password opened."""
    user.password_hash = hashed
    user.session_epoch += 1
    audit.write(session, as_actor(user), None, audit.Change(action, user.id, user.email, {}))


def sign_out_everywhere(actor: Actor) -> None:
    """End every session of the person."""

    def work(session: Session) -> None:
        user = session.get_one(User, actor.id)
        user.session_epoch += 1
        change = audit.Change("person.sign_out_everywhere", user.id, user.email, {})
        audit.write(session, actor, None, change)

    database.transaction(work)


def update(actor: Actor, fields: Mapping[str, Any]) -> User:
    """Change one's own name."""
    refuse_unknown(fields, frozenset({"name"}))
    name = text(fields, "name", most=100, required=True)

    def work(session: Session) -> User:
        user = session.get_one(User, actor.id)
        changes = audit.difference({"name": user.name}, {"name": name})
        if changes:
            user.name = name
            audit.write(session, actor, None, audit.Change("person.change", user.id, user.email, changes))
        return user

    return database.transaction(work)


def hash_new_password(fields: Mapping[str, Any]) -> str:
    """Return the hash of a password typed twice; raise InvalidFields with all that is wrong."""
    collect = Collector()
    hashed = collect.take(new_password, fields)
    collect.finish()
    return str(hashed)


def new_password(fields: Mapping[str, Any]) -> str:
    """Return the hash of a password typed twice; raise InvalidInput."""
    password = str(fields.get("password") or "")
    passwords.check(password)
    if password != fields.get("password_again"):
        raise InvalidInput("The two passwords differ.", param="password_again")
    return passwords.hash_checked(password)


def create_admin(actor: Actor, *, email: str, password: str, name: str = "") -> User:
    """Make an operator, owner of every workspace; an existing person gets the new password. System only."""
    if actor.kind != "system":
        raise NotAllowed
    address = check_email(email)
    hashed = passwords.hash_checked(password)

    def work(session: Session) -> User:
        user = get_by_email(session, address)
        if user is None:
            user = User(email=address, name=name or address.split("@")[0], password_hash=hashed)
            session.add(user)
        else:
            user.session_epoch += 1
        user.password_hash, user.is_operator = hashed, True
        session.flush()
        own_every_workspace(session, user)
        audit.write(session, actor, None, audit.Change("person.make_admin", user.id, address, {}))
        return user

    return database.transaction(work)


def own_every_workspace(session: Session, user: User) -> None:
    """Make the user an owner wherever they are not a member yet."""
    joined = set(session.scalars(select(Membership.workspace_id).where(Membership.user_id == user.id)))
    for workspace_id in session.scalars(select(Workspace.id)):
        if workspace_id not in joined:
            session.add(Membership(workspace_id=workspace_id, user_id=user.id, role="owner"))


def get(user_id: str) -> User | None:
    """Return the person, for their session."""
    return database.read(lambda session: session.get(User, user_id)) if is_uuid(user_id) else None


def get_by_email(session: Session, email: str) -> User | None:
    """Return the person who signs in with the address (lower case)."""
    return session.scalars(select(User).where(User.email == email)).first()


def as_actor(user: User) -> Actor:
    """Return the person as the one who acts."""
    return Actor("person", user.id, user.email, user.is_operator)
