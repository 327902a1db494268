"""Projects: where endpoints and keys live; the id is the uuid in the public URL."""

from __future__ import annotations

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import Created, Id, JsonDict, JsonList, Name, Ref


class Project(db.Model):  # type: ignore[name-defined]
    """A set of surfaces (`endpoints`, `proxy`, `light`) with its own keys."""

    __tablename__ = "projects"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"), index=True)
    name: Mapped[Name]
    surfaces: Mapped[JsonList]
    active: Mapped[bool] = mapped_column(default=True)
    log_content: Mapped[bool] = mapped_column(default=False)
    content_retention_days: Mapped[int] = mapped_column(default=30)
    gateway: Mapped[JsonDict] = mapped_column(default=dict)  # domain.gateway_settings.GatewaySettings
    guardrails: Mapped[JsonDict] = mapped_column(default=dict)  # domain.guardrails.settings
    management_api: Mapped[bool] = mapped_column(default=False)  # keys may change endpoints and keys (P30)
    created_at: Mapped[Created]
