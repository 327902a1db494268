"""Aliases and plugins of a workspace, and what the memory plugin keeps of end users."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import Created, Id, JsonDict, JsonList, Ref


class Alias(db.Model):  # type: ignore[name-defined]
    """A model name of the workspace's own, for all its projects or for one; it comes before all others (C8).

    `models` are tried in order; `preset` is domain.aliases.Alias's settings as JSON.
    """

    __tablename__ = "aliases"
    __table_args__ = (
        Index(
            "uq_aliases_workspace",
            "workspace_id",
            "name",
            unique=True,
            postgresql_where=text("project_id IS NULL"),
            sqlite_where=text("project_id IS NULL"),
        ),
        UniqueConstraint("project_id", "name"),
    )

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"), index=True)
    project_id: Mapped[Ref | None] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(100))
    models: Mapped[JsonList]
    preset: Mapped[JsonDict] = mapped_column(default=dict)
    description: Mapped[str] = mapped_column(String(1000), default="")
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[Created]


class PluginSetting(db.Model):  # type: ignore[name-defined]
    """How a workspace has set up one plugin (R2): its backend's address and sealed secret, and options."""

    __tablename__ = "plugin_settings"
    __table_args__ = (UniqueConstraint("workspace_id", "plugin"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    plugin: Mapped[str] = mapped_column(String(32))
    active: Mapped[bool] = mapped_column(default=True)
    url: Mapped[str] = mapped_column(String(500), default="")
    sealed: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    origin: Mapped[str] = mapped_column(String(500), default="")
    preview: Mapped[str] = mapped_column(String(32), default="")
    options: Mapped[JsonDict] = mapped_column(default=dict)
    created_at: Mapped[Created]


class Memory(db.Model):  # type: ignore[name-defined]
    """One thing that the memory plugin remembers of an end user of a project."""

    __tablename__ = "memories"
    __table_args__ = (Index("ix_memories_project_id_end_user", "project_id", "end_user", "created_at"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    project_id: Mapped[Ref] = mapped_column(ForeignKey("projects.id"))
    end_user: Mapped[str] = mapped_column(String(200))
    content: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Created]
