"""Alerts: what people must know, at most once a day each; the rows are the outbox of the mails."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import Created, Id, JsonDict, JsonList, Ref, UtcDateTime


class Alert(db.Model):  # type: ignore[name-defined]
    """One alert, written in the transaction that caused it; unique by kind, subject and UTC day (O30)."""

    __tablename__ = "alerts"
    __table_args__ = (
        UniqueConstraint("workspace_id", "kind", "subject", "day"),
        Index("ix_alerts_workspace_id_created_at", "workspace_id", "created_at"),
        Index("ix_alerts_state_next_try_at", "state", "next_try_at"),
    )

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    kind: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(200))  # what it is about: an id, perhaps with a level
    day: Mapped[date]  # UTC
    facts: Mapped[JsonDict]  # names and amounts for its text; never a secret
    state: Mapped[str] = mapped_column(String(16), default="pending")  # pending | sending | sent | kept
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime())  # or the lease while sending
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    sent_to: Mapped[JsonList] = mapped_column(default=list)
    problem: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[Created]
