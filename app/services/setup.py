"""The first set-up: one link makes the operator, the workspace and its demo project, all or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.errors import Conflict, InvalidFields, InvalidInput, NotFound
from app.domain.fields import Collector, text
from app.models import User, Workspace
from app.services import audit, demo, links, people, workspaces


@dataclass(frozen=True, slots=True)
class Start:
    """What a new installation has after its set-up."""

    user: User
    workspace: Workspace


def check_link(token: str) -> None:
    """Raise NotFound unless the link can still be used."""
    database.read(lambda session: links.find(session, "setup", token))


def run(token: str, fields: Mapping[str, Any], timezone: str) -> Start:
    """Make the first person and workspace. `fields`: name, email, password, password_again, workspace."""
    check_link(token)
    name, email, hashed, workspace_name = parse(fields)

    def work(session: Session) -> Start:
        links.use(session, "setup", token)
        if people.has_operator(session):
            raise NotFound(links.GONE)
        if people.get_by_email(session, email) is not None:
            raise Conflict("Somebody signs in with this address already.", param="email")
        user = User(name=name, email=email, password_hash=hashed, is_operator=True)
        session.add(user)
        session.flush()
        actor = people.as_actor(user)
        audit.write(session, actor, None, audit.Change("person.set_up", user.id, email, {}))
        return Start(user, create_workspace(actor, {"name": workspace_name, "timezone": timezone}))

    try:
        return database.transaction(work)
    except (Conflict, InvalidInput) as error:
        raise InvalidFields({FORM_FIELDS.get(error.param or "", ""): error.message}) from None


FORM_FIELDS = {"email": "email", "name": "workspace"}


def create_workspace(actor: Actor, fields: Mapping[str, Any]) -> Workspace:
    """Make a workspace with its demo project. Operators only."""

    def work(session: Session) -> Workspace:
        workspace = workspaces.create(actor, fields)
        demo.create(actor, workspace.id)
        return workspace

    return database.transaction(work)


def parse(fields: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Check every field; return name, e-mail, password hash and workspace name."""
    collect = Collector()
    name = collect.take(text, fields, "name", most=100, required=True)
    email = collect.take(people.check_email, str(fields.get("email") or ""))
    workspace_name = collect.take(text, fields, "workspace", most=100, required=True)
    hashed = collect.take(people.new_password, fields)
    collect.finish()
    return name, email, hashed, workspace_name
