"""Workspaces: the tenants. Making one also makes its root account and its demo provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from app.domain.fields import Collector, refuse_unknown, text
from app.domain.guardrails import levels
from app.domain.ids import slugify
from app.models import Account, Membership, User, Workspace
from app.services import access, audit, guardrail_levels, providers

FIELDS = frozenset({"name", "timezone", "guardrails"})


def create(actor: Actor, fields: Mapping[str, Any]) -> Workspace:
    """Make a workspace with a root account and the demo provider; operators own it. Operators only."""
    if not actor.is_operator:
        raise NotAllowed("Only an operator can make a workspace.")
    values = parse({"timezone": "UTC", **fields})

    def work(session: Session) -> Workspace:
        check_free(session, values["name"])
        workspace = Workspace(slug=free_slug(session, values["name"]), **values)
        session.add(workspace)
        session.flush()
        session.add(Account(workspace_id=workspace.id, name=workspace.name))
        for user_id in session.scalars(select(User.id).where(User.is_operator)):
            session.add(Membership(workspace_id=workspace.id, user_id=user_id, role="owner"))
        change = audit.Change("workspace.create", workspace.id, workspace.name, {})
        audit.write(session, actor, workspace.id, change)
        session.flush()
        providers.create_demo(session, actor, workspace.id)
        return workspace

    return database.transaction(work)


def update(actor: Actor, workspace_id: str, fields: Mapping[str, Any]) -> Workspace:
    """Rename the workspace, set its time zone or its guardrails. Admins only."""

    def work(session: Session) -> Workspace:
        access.require(session, actor, workspace_id, "admin")
        workspace = session.get_one(Workspace, workspace_id)
        before = as_fields(workspace)
        values = parse({**before, **fields})
        if values["name"] != workspace.name:
            check_free(session, values["name"])
        guardrail_levels.check(session, workspace.id, (), workspace.guardrails, values["guardrails"])
        changes = guardrail_levels.told(audit.difference(before, values))
        if changes:
            for name, value in values.items():
                setattr(workspace, name, value)
            change = audit.Change("workspace.change", workspace.id, workspace.name, changes)
            audit.write(session, actor, workspace.id, change)
        return workspace

    return database.transaction(work)


def find(actor: Actor, slug: str) -> tuple[Workspace, str]:
    """Return the workspace and the actor's role in it; raise NotFound for strangers too."""

    def work(session: Session) -> tuple[Workspace, str]:
        workspace = session.scalars(select(Workspace).where(Workspace.slug == slug)).first()
        if workspace is None:
            raise NotFound
        return workspace, access.require(session, actor, workspace.id, "viewer")

    return database.read(work)


def get_by_name(actor: Actor, name: str) -> Workspace | None:
    """Return the workspace of that name, for `apply`. System only."""
    if actor.kind != "system":
        raise NotAllowed
    return database.read(lambda s: s.scalars(select(Workspace).where(Workspace.name == name)).first())


def list_all(actor: Actor) -> list[Workspace]:
    """Return the workspaces that the actor is a member of, by name; all of them for the system."""

    def work(session: Session) -> list[Workspace]:
        query = select(Workspace).order_by(Workspace.name)
        if actor.kind != "system":
            mine = select(Membership.workspace_id).where(Membership.user_id == actor.id)
            query = query.where(Workspace.id.in_(mine))
        return list(session.scalars(query))

    return database.read(work)


def as_fields(workspace: Workspace) -> dict[str, Any]:
    """Return the fields that a form or file may set."""
    return {name: getattr(workspace, name) for name in FIELDS}


def parse(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Check name, time zone and guardrails."""
    refuse_unknown(fields, FIELDS)
    collect = Collector()
    values = {
        "name": collect.take(text, fields, "name", most=100, required=True),
        "timezone": collect.take(zone, fields),
        "guardrails": collect.take(levels.given, fields),
    }
    collect.finish()
    return values


def zone(fields: Mapping[str, Any]) -> str:
    """Return an IANA time zone."""
    name = text(fields, "timezone", most=64) or "UTC"
    if name not in available_timezones():
        raise InvalidInput("Pick a time zone such as Europe/Zurich.", param="timezone")
    return name


def check_free(session: Session, name: str) -> None:
    """Raise Conflict when another workspace has the name."""
    if session.scalar(select(Workspace.id).where(Workspace.name == name)) is not None:
        raise Conflict("There is a workspace of this name already.", param="name")


def free_slug(session: Session, name: str) -> str:
    """Return a slug for the dashboard's URLs that no workspace has."""
    slug = base = slugify(name)[:56]
    number = 2
    while session.scalar(select(Workspace.id).where(Workspace.slug == slug)) is not None:
        slug, number = f"{base}-{number}", number + 1
    return slug
