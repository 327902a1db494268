"""Endpoints and their immutable versions: each save is a new version, one is published."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import Created, Id, JsonDict, Name, Ref


class Endpoint(db.Model):  # type: ignore[name-defined]
    """A callable address in a project: /api/{project}/{slug}."""

    __tablename__ = "endpoints"
    __table_args__ = (UniqueConstraint("project_id", "slug"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"), index=True)
    project_id: Mapped[Ref] = mapped_column(ForeignKey("projects.id"))
    slug: Mapped[str] = mapped_column(String(64))
    name: Mapped[Name]
    active: Mapped[bool] = mapped_column(default=True)
    published_version_id: Mapped[Ref | None]
    draft_version_id: Mapped[Ref | None]  # saved, but not yet published
    pinned: Mapped[bool] = mapped_column(default=False)  # saves become drafts until it is unpinned
    form_shared: Mapped[bool] = mapped_column(default=False)  # its test form opens for whoever has a key
    rollout_plan: Mapped[JsonDict] = mapped_column(default=dict)  # domain.rollout_plans; {}: at once
    created_at: Mapped[Created]


class EndpointVersion(db.Model):  # type: ignore[name-defined]
    """One saved state of an endpoint; never changed. `config` is domain.endpoints.EndpointConfig as JSON."""

    __tablename__ = "endpoint_versions"
    __table_args__ = (UniqueConstraint("endpoint_id", "number"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    endpoint_id: Mapped[Ref] = mapped_column(ForeignKey("endpoints.id"))
    number: Mapped[int]
    schema_version: Mapped[int] = mapped_column(default=1)
    config: Mapped[JsonDict]
    author: Mapped[str] = mapped_column(String(254))
    note: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[Created]


class Publication(db.Model):  # type: ignore[name-defined]
    """That a version began to answer calls: versions never change, so this stands beside them."""

    __tablename__ = "publications"
    __table_args__ = (Index("ix_publications_endpoint_id", "endpoint_id", "created_at"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    endpoint_id: Mapped[Ref] = mapped_column(ForeignKey("endpoints.id"))
    version_id: Mapped[Ref] = mapped_column(ForeignKey("endpoint_versions.id"))
    author: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[Created]
