"""Projects: a set of surfaces with its own endpoints and keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.errors import Conflict, InvalidFields, InvalidInput, NotFound
from app.domain.fields import Collector, refuse_unknown, switch, text, texts, whole
from app.domain.gateway_settings import GatewaySettings, parse_settings
from app.domain.guardrails import levels
from app.domain.guardrails.settings import Settings
from app.domain.ids import is_uuid, new_id
from app.models import Endpoint, Key, Project
from app.models.columns import utc_now
from app.services import access, audit, guardrail_levels

SURFACES = ("endpoints", "proxy", "light")
FIELDS = frozenset(
    {
        "name", "surfaces", "log_content", "content_retention_days", "active", "gateway", "guardrails",
        "management_api",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProjectCard:
    """A project with the number of its endpoints and of its keys in force."""

    project: Project
    endpoints: int
    keys: int


def create(actor: Actor, workspace_id: str, fields: Mapping[str, Any], uuid: str | None = None) -> Project:
    """Make a project; `uuid` sets the id of its public URL. Editors may."""
    values = parse(fields)
    if uuid is not None and not is_uuid(uuid):
        raise InvalidInput("Must be a UUID.", param="uuid")

    def work(session: Session) -> Project:
        access.require(session, actor, workspace_id, "editor")
        check_free(session, workspace_id, values["name"])
        check_guardrails(session, workspace_id, {}, values["guardrails"])
        if uuid is not None and session.get(Project, uuid) is not None:
            raise Conflict("Another project has this uuid.", param="uuid")
        project = Project(id=(uuid or new_id()).lower(), workspace_id=workspace_id, **values)
        session.add(project)
        session.flush()
        audit.write(
            session, actor, workspace_id, audit.Change("project.create", project.id, project.name, {})
        )
        return project

    return database.transaction(work)


def update(actor: Actor, workspace_id: str, project_id: str, fields: Mapping[str, Any]) -> Project:
    """Change the named fields of a project. Editors may."""

    def work(session: Session) -> Project:
        access.require(session, actor, workspace_id, "editor")
        project = owned(session, workspace_id, project_id)
        before = as_fields(project)
        values = parse({**before, **fields})
        if values["name"] != project.name:
            check_free(session, workspace_id, values["name"])
        check_guardrails(session, workspace_id, project.guardrails, values["guardrails"])
        for name in audit.difference(before, values):
            setattr(project, name, values[name])
        changes = guardrail_levels.told(audit.difference(flat(before), flat(values)))
        if changes:
            change = audit.Change("project.change", project.id, project.name, changes)
            audit.write(session, actor, workspace_id, change)
        return project

    return database.transaction(work)


def find(actor: Actor, workspace_id: str, project_id: str) -> Project:
    """Return one project; raise NotFound when it is another workspace's."""

    def work(session: Session) -> Project:
        access.require(session, actor, workspace_id, "viewer")
        return owned(session, workspace_id, project_id)

    return database.read(work)


def list_all(actor: Actor, workspace_id: str) -> list[Project]:
    """Return the workspace's projects, by name."""

    def work(session: Session) -> list[Project]:
        access.require(session, actor, workspace_id, "viewer")
        where = Project.workspace_id == workspace_id
        return list(session.scalars(select(Project).where(where).order_by(Project.name)))

    return database.read(work)


def list_cards(actor: Actor, workspace_id: str) -> list[ProjectCard]:
    """Return the workspace's projects with what they hold; active ones first, then by name."""

    def work(session: Session) -> list[ProjectCard]:
        rows = list_all(actor, workspace_id)
        endpoints = counts(session, Endpoint.project_id, Endpoint.workspace_id == workspace_id)
        now = utc_now()
        usable = (
            Key.workspace_id == workspace_id,
            Key.revoked_at.is_(None),
            or_(Key.expires_at.is_(None), Key.expires_at > now),
        )
        keys = counts(session, Key.project_id, *usable)
        cards = [ProjectCard(row, endpoints.get(row.id, 0), keys.get(row.id, 0)) for row in rows]
        return sorted(cards, key=lambda card: not card.project.active)

    return database.read(work)


def counts(session: Session, project_id: Any, *where: Any) -> dict[str, int]:
    """Return how many rows each project has."""
    query = select(project_id, func.count()).where(*where).group_by(project_id)
    return {row[0]: row[1] for row in session.execute(query)}


def owned(session: Session, workspace_id: str, project_id: str) -> Project:
    """Return the workspace's own project; raise NotFound."""
    project = session.get(Project, project_id) if is_uuid(project_id) else None
    if project is None or project.workspace_id != workspace_id:
        raise NotFound("There is no such project.")
    return project


def as_fields(project: Project) -> dict[str, Any]:
    """Return the fields that a form or file may set."""
    gateway = GatewaySettings(**project.gateway).as_dict()
    return {name: getattr(project, name) for name in sorted(FIELDS)} | {"gateway": gateway}


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with those of `gateway` beside the others: so they are told one by one."""
    return {**{name: value for name, value in values.items() if name != "gateway"}, **values["gateway"]}


def parse(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Check every field."""
    refuse_unknown(fields, FIELDS)
    collect = Collector()
    values = {
        "name": collect.take(text, fields, "name", most=100, required=True),
        "surfaces": collect.take(surfaces, fields),
        "log_content": collect.take(switch, fields, "log_content"),
        "content_retention_days": collect.take(whole, fields, "content_retention_days", 1, 3650) or 30,
        "active": collect.take(switch, fields, "active", True),
        "management_api": collect.take(switch, fields, "management_api") or False,
        "gateway": collect.take(gateway, fields),
        "guardrails": collect.take(levels.given, fields),
    }
    collect.finish()
    return {**values, "gateway": values["gateway"].as_dict()}


def gateway(fields: Mapping[str, Any]) -> GatewaySettings:
    """Return how the project uses the door to every model; an error names `gateway.` and the field."""
    value = fields.get("gateway") or {}
    if not isinstance(value, Mapping):
        raise InvalidInput("Write it as fields and values.", param="gateway")
    try:
        return parse_settings(value)
    except InvalidFields as error:
        raise InvalidFields({f"gateway.{name}": text for name, text in error.errors.items()}) from None


def surfaces(fields: Mapping[str, Any]) -> list[str]:
    """Return the chosen surfaces in their usual order; `endpoints` when nothing is chosen."""
    chosen = texts(fields, "surfaces", most=3) or ("endpoints",)
    unknown = [name for name in chosen if name not in SURFACES]
    if unknown:
        raise InvalidInput(f"Choose from: {', '.join(SURFACES)}.", param="surfaces")
    return [name for name in SURFACES if name in chosen]


def check_guardrails(session: Session, workspace_id: str, before: Settings, after: Settings) -> None:
    """Raise InvalidFields where the workspace has locked what would change."""
    above = guardrail_levels.of_workspace(session, workspace_id)
    guardrail_levels.check(session, workspace_id, above, before, after)


def check_free(session: Session, workspace_id: str, name: str) -> None:
    """Raise Conflict when another project of the workspace has the name."""
    where = Project.workspace_id == workspace_id, Project.name == name
    if session.scalar(select(Project.id).where(*where)) is not None:
        raise Conflict("There is a project of this name already.", param="name")
