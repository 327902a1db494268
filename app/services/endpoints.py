"""Endpoints: each save is a new immutable version; one of them is published and answers calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.endpoints import SCHEMA_VERSION, EndpointConfig, parse_config, parse_slug
from app.domain.errors import Conflict, InvalidFields, InvalidInput, NotFound
from app.domain.fields import text
from app.domain.ids import is_uuid
from app.models import Endpoint, EndpointVersion, Provider, Publication
from app.services import access, audit, keys, projects


@dataclass(frozen=True, slots=True)
class EndpointView:
    """An endpoint with the version that answers calls."""

    endpoint: Endpoint
    version: EndpointVersion
    config: EndpointConfig


def create(
    actor: Actor, workspace_id: str, project_id: str, fields: Mapping[str, Any], note: str = ""
) -> EndpointView:
    """Make an endpoint and publish its first version. `fields`: slug, name, EndpointConfig's. Editors may."""
    slug, name, config = parse(fields)

    def work(session: Session) -> EndpointView:
        access.require(session, actor, workspace_id, "editor")
        projects.owned(session, workspace_id, project_id)
        check_free(session, project_id, slug)
        check_models(session, workspace_id, config)
        endpoint = Endpoint(workspace_id=workspace_id, project_id=project_id, slug=slug, name=name)
        session.add(endpoint)
        session.flush()
        version = add_version(session, actor, endpoint, config, note)
        publish_version(session, actor, endpoint, version)
        change = audit.Change("endpoint.create", endpoint.id, slug, audit.difference({}, config.as_dict()))
        audit.write(session, actor, workspace_id, change)
        return EndpointView(endpoint, version, config)

    return database.transaction(work)


def save(
    actor: Actor,
    workspace_id: str,
    endpoint_id: str,
    fields: Mapping[str, Any],
    note: str = "",
    *,
    base: int | None = None,
) -> EndpointView:
    """Save and publish a new version when a field differs; name and slug change in place. Editors may.

    `base` is the version that the editor started from: Conflict when another one is published by now.
    """

    def work(session: Session) -> EndpointView:
        access.require(session, actor, workspace_id, "editor")
        before = published(session, owned(session, workspace_id, endpoint_id))
        check_base(before.version, base)
        endpoint = before.endpoint
        old = {"slug": endpoint.slug, "name": endpoint.name, **before.config.as_dict()}
        slug, name, config = parse({**old, **fields})
        if slug != endpoint.slug:
            check_free(session, endpoint.project_id, slug)
            keys.follow_slug(session, endpoint.project_id, endpoint.slug, slug)
        changes = audit.difference(old, {"slug": slug, "name": name, **config.as_dict()})
        endpoint.slug, endpoint.name = slug, name
        version = before.version
        if config != before.config:
            check_models(session, workspace_id, config)
            version = add_version(session, actor, endpoint, config, note)
            publish_version(session, actor, endpoint, version)
            changes["version"] = [before.version.number, version.number]
        if changes:
            change = audit.Change("endpoint.change", endpoint.id, slug, changes)
            audit.write(session, actor, workspace_id, change)
        return EndpointView(endpoint, version, config)

    return database.transaction(work)


def duplicate(actor: Actor, workspace_id: str, endpoint_id: str) -> EndpointView:
    """Make a copy beside it, under a free slug. Editors may."""

    def work(session: Session) -> EndpointView:
        access.require(session, actor, workspace_id, "editor")
        source = published(session, owned(session, workspace_id, endpoint_id))
        slug = free_slug(session, source.endpoint)
        fields = {"slug": slug, "name": f"{source.endpoint.name} (copy)"[:100], **source.config.as_dict()}
        return create(
            actor, workspace_id, source.endpoint.project_id, fields, f"Copy of {source.endpoint.slug}"
        )

    return database.transaction(work)


def set_active(actor: Actor, workspace_id: str, endpoint_id: str, active: bool) -> Endpoint:
    """Switch an endpoint on or off; an inactive one answers 404 (O44). Editors may."""

    def work(session: Session) -> Endpoint:
        access.require(session, actor, workspace_id, "editor")
        endpoint = owned(session, workspace_id, endpoint_id)
        if endpoint.active != active:
            endpoint.active = active
            verb = "activate" if active else "deactivate"
            change = audit.Change(f"endpoint.{verb}", endpoint.id, endpoint.slug, {})
            audit.write(session, actor, workspace_id, change)
        return endpoint

    return database.transaction(work)


def restore(actor: Actor, workspace_id: str, endpoint_id: str, number: int) -> EndpointView:
    """Publish an earlier version's content as a new version. Editors may."""

    def work(session: Session) -> EndpointView:
        access.require(session, actor, workspace_id, "editor")
        endpoint = owned(session, workspace_id, endpoint_id)
        where = EndpointVersion.endpoint_id == endpoint.id, EndpointVersion.number == number
        version = session.scalars(select(EndpointVersion).where(*where)).first()
        if version is None:
            raise NotFound("There is no such version.")
        return save(actor, workspace_id, endpoint_id, version.config, f"Restored version {number}")

    return database.transaction(work)


def find(actor: Actor, workspace_id: str, endpoint_id: str) -> EndpointView:
    """Return an endpoint with its published version; raise NotFound when it is another workspace's."""

    def work(session: Session) -> EndpointView:
        access.require(session, actor, workspace_id, "viewer")
        return published(session, owned(session, workspace_id, endpoint_id))

    return database.read(work)


def list_all(actor: Actor, workspace_id: str, project_id: str) -> list[EndpointView]:
    """Return a project's endpoints with their published versions, by slug."""

    def work(session: Session) -> list[EndpointView]:
        access.require(session, actor, workspace_id, "viewer")
        projects.owned(session, workspace_id, project_id)
        query = (
            select(Endpoint, EndpointVersion)
            .join(EndpointVersion, EndpointVersion.id == Endpoint.published_version_id)
            .where(Endpoint.project_id == project_id)
            .order_by(Endpoint.slug)
        )
        return [EndpointView(e, v, parse_config(v.config)) for e, v in session.execute(query)]

    return database.read(work)


def list_versions(
    actor: Actor, workspace_id: str, endpoint_id: str, *, upto: int | None = None, limit: int | None = None
) -> list[EndpointVersion]:
    """Return an endpoint's versions, newest first, from number `upto` down."""

    def work(session: Session) -> list[EndpointVersion]:
        access.require(session, actor, workspace_id, "viewer")
        where = EndpointVersion.endpoint_id == owned(session, workspace_id, endpoint_id).id
        query = select(EndpointVersion).where(where).order_by(EndpointVersion.number.desc())
        if upto is not None:
            query = query.where(EndpointVersion.number <= upto)
        return list(session.scalars(query.limit(limit)))

    return database.read(work)


def owned(session: Session, workspace_id: str, endpoint_id: str) -> Endpoint:
    """Return the workspace's own endpoint; raise NotFound."""
    endpoint = session.get(Endpoint, endpoint_id) if is_uuid(endpoint_id) else None
    if endpoint is None or endpoint.workspace_id != workspace_id:
        raise NotFound("There is no such endpoint.")
    return endpoint


def published(session: Session, endpoint: Endpoint) -> EndpointView:
    """Return the endpoint with its published version."""
    version = session.get_one(EndpointVersion, endpoint.published_version_id)
    return EndpointView(endpoint, version, parse_config(version.config))


def parse(fields: Mapping[str, Any]) -> tuple[str, str, EndpointConfig]:
    """Check slug, name and configuration; raise InvalidFields with all that is wrong."""
    errors: dict[str, str] = {}
    slug = name = ""
    try:
        slug = parse_slug(fields)
        name = text(fields, "name", most=100) or slug
    except InvalidInput as error:
        errors[error.param or ""] = error.message
    try:
        config = parse_config({key: value for key, value in fields.items() if key not in ("slug", "name")})
    except InvalidFields as error:
        errors |= error.errors
    if errors:
        raise InvalidFields(errors)
    return slug, name, config


def check_models(session: Session, workspace_id: str, config: EndpointConfig) -> None:
    """Raise InvalidFields when a model's provider does not exist in the workspace."""
    slugs = set(session.scalars(select(Provider.slug).where(Provider.workspace_id == workspace_id)))
    errors = {}
    for name, models in (("model", (config.model,)), ("failover", config.failover)):
        missing = sorted({model.partition("/")[0] for model in models} - slugs)
        if missing:
            errors[name] = f"There is no provider “{missing[0]}” in this workspace. Add it first."
    if errors:
        raise InvalidFields(errors)


def check_base(version: EndpointVersion, base: int | None) -> None:
    """Raise Conflict when somebody else has published since the editor began."""
    if base is not None and base != version.number:
        raise Conflict(
            f"{version.author} saved version {version.number} while you were editing. "
            "Saving again replaces it; both stay under Versions."
        )


def add_version(
    session: Session, actor: Actor, endpoint: Endpoint, config: EndpointConfig, note: str
) -> EndpointVersion:
    """Store the next version."""
    last = select(func.max(EndpointVersion.number)).where(EndpointVersion.endpoint_id == endpoint.id)
    version = EndpointVersion(
        workspace_id=endpoint.workspace_id,
        endpoint_id=endpoint.id,
        number=(session.scalar(last) or 0) + 1,
        schema_version=SCHEMA_VERSION,
        config=config.as_dict(),
        author=actor.label,
        note=note[:500],
    )
    session.add(version)
    session.flush()
    return version


def publish_version(session: Session, actor: Actor, endpoint: Endpoint, version: EndpointVersion) -> None:
    """Let this version answer from now on."""
    endpoint.published_version_id = version.id
    session.add(
        Publication(
            workspace_id=endpoint.workspace_id,
            endpoint_id=endpoint.id,
            version_id=version.id,
            author=actor.label,
        )
    )


def check_free(session: Session, project_id: str, slug: str) -> None:
    """Raise Conflict when another endpoint of the project has the slug."""
    where = Endpoint.project_id == project_id, Endpoint.slug == slug
    if session.scalar(select(Endpoint.id).where(*where)) is not None:
        raise Conflict("There is an endpoint of this slug already.", param="slug")


def free_slug(session: Session, endpoint: Endpoint) -> str:
    """Return a slug for a copy."""
    where = Endpoint.project_id == endpoint.project_id
    taken = set(session.scalars(select(Endpoint.slug).where(where)))
    candidates = (f"{endpoint.slug[:56]}-copy{'' if n == 1 else n}" for n in range(1, len(taken) + 2))
    return next(slug for slug in candidates if slug not in taken)
