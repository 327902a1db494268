"""The audit log: who changed what, when. Append-only: the database refuses updates and deletes."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import Created, Id, JsonDict, Ref


class AuditEvent(db.Model):  # type: ignore[name-defined]
    """One change. `changes` maps a field to [before, after]; a secret is never in it."""

    __tablename__ = "audit_events"
    __table_args__ = (Index("ix_audit_events_workspace_id_created_at", "workspace_id", "created_at"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref | None] = mapped_column(ForeignKey("workspaces.id"))
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[Ref | None]
    actor_label: Mapped[str] = mapped_column(String(254))
    action: Mapped[str] = mapped_column(String(64))  # noun.verb, e.g. endpoint.publish
    object_id: Mapped[Ref | None]
    object_label: Mapped[str] = mapped_column(String(254))
    changes: Mapped[JsonDict]
    created_at: Mapped[Created]
