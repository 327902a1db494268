"""Versions of endpoints: immutable rows, and the history of which of them answered calls, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.endpoints import SCHEMA_VERSION, EndpointConfig, parse_config
from app.domain.errors import NotFound
from app.domain.ids import is_uuid
from app.models import Endpoint, EndpointVersion, Publication
from app.services import access, publications, webhooks
from app.services.publications import Answered


@dataclass(frozen=True, slots=True)
class EndpointView:
    """An endpoint with the version that answers calls, and its draft: saved, but not yet published."""

    endpoint: Endpoint
    version: EndpointVersion
    config: EndpointConfig
    draft: EndpointVersion | None = None
    draft_config: EndpointConfig | None = None

    @property
    def working_version(self) -> EndpointVersion:
        """The version that is worked on: the draft, else the published one."""
        return self.draft or self.version

    @property
    def working_config(self) -> EndpointConfig:
        """What the next save starts from."""
        return self.draft_config or self.config


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


def find_version(actor: Actor, workspace_id: str, endpoint_id: str, number: int) -> EndpointVersion:
    """Return one version by its number; raise NotFound."""

    def work(session: Session) -> EndpointVersion:
        access.require(session, actor, workspace_id, "viewer")
        return numbered(session, owned(session, workspace_id, endpoint_id), number)

    return database.read(work)


def history(actor: Actor, workspace_id: str, endpoint_id: str) -> Mapping[str, Sequence[Answered]]:
    """Return when each version answered calls, newest first, by the version's id."""

    def work(session: Session) -> dict[str, list[Answered]]:
        access.require(session, actor, workspace_id, "viewer")
        where = Publication.endpoint_id == owned(session, workspace_id, endpoint_id).id
        order = Publication.created_at, Publication.id
        return publications.by_version(
            session.scalars(select(Publication).where(where).order_by(*order)).all()
        )

    return database.read(work)


def owned(session: Session, workspace_id: str, endpoint_id: str, *, change: bool = False) -> Endpoint:
    """Return the workspace's own endpoint; raise NotFound. With `change` nobody else changes it meanwhile."""
    endpoint = session.get(Endpoint, endpoint_id, with_for_update=change) if is_uuid(endpoint_id) else None
    if endpoint is None or endpoint.workspace_id != workspace_id:
        raise NotFound("There is no such endpoint.")
    return endpoint


def view_of(session: Session, endpoint: Endpoint) -> EndpointView:
    """Return the endpoint with its published version and its draft."""
    return views_of(session, [endpoint])[0]


def views_of(session: Session, endpoints: Sequence[Endpoint]) -> list[EndpointView]:
    """Return endpoints with their published versions and their drafts."""
    ids = {one for row in endpoints for one in (row.published_version_id, row.draft_version_id) if one}
    query = select(EndpointVersion).where(EndpointVersion.id.in_(ids))
    versions = {version.id: version for version in session.scalars(query)}
    return [view_with(endpoint, versions) for endpoint in endpoints]


def view_with(endpoint: Endpoint, versions: Mapping[str, EndpointVersion]) -> EndpointView:
    """Return an endpoint with those of the versions that are its own."""
    version, draft = (
        versions[endpoint.published_version_id or ""],
        versions.get(endpoint.draft_version_id or ""),
    )
    draft_config = parse_config(draft.config) if draft else None
    return EndpointView(endpoint, version, parse_config(version.config), draft, draft_config)


def numbered(session: Session, endpoint: Endpoint, number: int) -> EndpointVersion:
    """Return the endpoint's version of that number; raise NotFound."""
    where = EndpointVersion.endpoint_id == endpoint.id, EndpointVersion.number == number
    version = session.scalars(select(EndpointVersion).where(*where)).first()
    if version is None:
        raise NotFound("There is no such version.")
    return version


def add(
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


def let_answer(session: Session, actor: Actor, endpoint: Endpoint, version: EndpointVersion) -> None:
    """Let this version answer from now on; there is no draft any more."""
    endpoint.published_version_id, endpoint.draft_version_id = version.id, None
    session.add(
        Publication(
            workspace_id=endpoint.workspace_id,
            endpoint_id=endpoint.id,
            version_id=version.id,
            author=actor.label,
        )
    )
    told = {"endpoint": endpoint.slug, "version": version.number, "project_id": endpoint.project_id}
    webhooks.note(session, endpoint.workspace_id, "endpoint.published", told, endpoint.project_id)
