"""Aliases: names of the workspace's own for one or more models, for all its projects or for one (C8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.aliases import FIELDS, PRESET_FIELDS, parse_alias
from app.domain.errors import Conflict, NotFound
from app.domain.ids import is_uuid
from app.models import Alias, Project
from app.services import access, audit, model_choices, projects
from app.services.model_choices import Link

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class AliasView:
    """An alias, the project whose own it is (None: all projects'), and how ready its models are."""

    alias: Alias
    project: Project | None
    links: tuple[Link, ...]

    @property
    def chain(self) -> list[tuple[str, Link | None]]:
        """Return its models in order, each with its provider's state; `auto` has none."""
        states = {link.model_id: link for link in self.links}
        return [(model_id, states.get(model_id)) for model_id in self.alias.models]


def list_all(actor: Actor, workspace_id: str) -> list[AliasView]:
    """Return the workspace's aliases by name; of the same name that for all projects first."""

    def work(session: Session) -> list[AliasView]:
        access.require(session, actor, workspace_id, "viewer")
        where = Alias.workspace_id == workspace_id
        rows = session.scalars(select(Alias).where(where)).all()
        views = [view(session, row) for row in rows]
        return sorted(views, key=lambda found: (found.alias.name.lower(), getattr(found.project, "name", "")))

    return database.read(work)


def find(actor: Actor, workspace_id: str, alias_id: str) -> AliasView:
    """Return one alias; raise NotFound when it is another workspace's."""

    def work(session: Session) -> AliasView:
        access.require(session, actor, workspace_id, "viewer")
        return view(session, owned(session, workspace_id, alias_id))

    return database.read(work)


def view(session: Session, row: Alias) -> AliasView:
    """Return an alias with its project and its models' providers."""
    project = session.get_one(Project, row.project_id) if row.project_id else None
    named = [model_id for model_id in row.models if model_id != AUTO]
    links = [model_choices.link(session, row.workspace_id, row.project_id, name) for name in named]
    return AliasView(row, project, tuple(links))


def create(
    actor: Actor, workspace_id: str, fields: Mapping[str, Any], project_id: str | None = None
) -> Alias:
    """Make an alias for all projects of the workspace, or for one. Editors may."""
    values = columns(fields)

    def work(session: Session) -> Alias:
        access.require(session, actor, workspace_id, "editor")
        if project_id is not None:
            projects.owned(session, workspace_id, project_id)
        check_free(session, workspace_id, project_id, values["name"])
        alias = Alias(workspace_id=workspace_id, project_id=project_id, **values)
        session.add(alias)
        session.flush()
        audit.write(session, actor, workspace_id, audit.Change("alias.create", alias.id, alias.name, {}))
        return alias

    return database.transaction(work)


def update(actor: Actor, workspace_id: str, alias_id: str, fields: Mapping[str, Any]) -> Alias:
    """Change the named fields of an alias; calls follow within a second. Editors may."""

    def work(session: Session) -> Alias:
        access.require(session, actor, workspace_id, "editor")
        alias = owned(session, workspace_id, alias_id)
        before = as_fields(alias)
        values = columns({**before, **fields})
        if values["name"] != alias.name:
            check_free(session, workspace_id, alias.project_id, values["name"])
        for name, value in values.items():
            setattr(alias, name, value)
        if changes := audit.difference(before, as_fields(alias)):
            change = audit.Change("alias.change", alias.id, alias.name, changes)
            audit.write(session, actor, workspace_id, change)
        return alias

    return database.transaction(work)


def delete(actor: Actor, workspace_id: str, alias_id: str) -> None:
    """Delete an alias; its name is unknown from then on. Editors may."""

    def work(session: Session) -> None:
        access.require(session, actor, workspace_id, "editor")
        alias = owned(session, workspace_id, alias_id)
        session.delete(alias)
        audit.write(session, actor, workspace_id, audit.Change("alias.delete", alias.id, alias.name, {}))

    database.transaction(work)


def columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Check every field and return the row's columns."""
    alias, active = parse_alias(fields)
    return {
        "name": alias.name,
        "models": list(alias.models),
        "preset": alias.preset.as_dict(),
        "description": alias.description,
        "active": active,
    }


def as_fields(alias: Alias) -> dict[str, Any]:
    """Return the fields that a form or file may set."""
    plain = {name: getattr(alias, name) for name in sorted(FIELDS - PRESET_FIELDS)}
    return {**plain, **{name: alias.preset.get(name) for name in sorted(PRESET_FIELDS)}}


def owned(session: Session, workspace_id: str, alias_id: str) -> Alias:
    """Return the workspace's own alias; raise NotFound."""
    alias = session.get(Alias, alias_id) if is_uuid(alias_id) else None
    if alias is None or alias.workspace_id != workspace_id:
        raise NotFound("There is no such alias.")
    return alias


def check_free(session: Session, workspace_id: str, project_id: str | None, name: str) -> None:
    """Raise Conflict when the same projects have an alias of this name already."""
    where = Alias.workspace_id == workspace_id, Alias.project_id == project_id, Alias.name == name
    if session.scalar(select(Alias.id).where(*where)) is not None:
        raise Conflict("There is an alias of this name already.", param="name")
