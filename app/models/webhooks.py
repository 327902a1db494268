"""Webhooks: addresses that are told of events, and the log of what was delivered there (A28, C21)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import Created, Id, JsonDict, JsonList, Name, Ref, UtcDateTime


class Webhook(db.Model):  # type: ignore[name-defined]
    """An address that gets signed events."""

    __tablename__ = "webhooks"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    project_id: Mapped[Ref | None] = mapped_column(ForeignKey("projects.id"))  # only what this one concerns
    name: Mapped[Name]
    url: Mapped[str] = mapped_column(String(500))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)  # the secret that signs, bound to this row
    sealed_with: Mapped[str] = mapped_column(String(16))  # id of the sealing key
    previous_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)  # signs as well, for a day
    previous_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    events: Mapped[JsonList]  # empty: all of them
    active: Mapped[bool] = mapped_column(default=True)
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime())  # nothing arrived from then on
    rests_until: Mapped[datetime | None] = mapped_column(UtcDateTime())  # nothing is tried before
    created_at: Mapped[Created]


class Delivery(db.Model):  # type: ignore[name-defined]
    """One event on its way to one webhook: the outbox and the log."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_webhook_id_created_at", "webhook_id", "created_at"),
        Index("ix_deliveries_state_next_try_at", "state", "next_try_at"),
    )

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    webhook_id: Mapped[Ref] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    event_id: Mapped[Ref]  # the same for every webhook and every try, so that receivers can tell doubles
    event: Mapped[str] = mapped_column(String(48))
    payload: Mapped[JsonDict]
    state: Mapped[str] = mapped_column(String(16), default="pending")  # pending | sending | sent | failed
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime())  # or the lease while sending
    status: Mapped[int | None]  # of the last answer
    problem: Mapped[str] = mapped_column(String(300), default="")
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    created_at: Mapped[Created]
