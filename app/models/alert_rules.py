"""Rules that watch a workspace's numbers, and the samples by which they know what is usual."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Float, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import Created, Id, JsonDict, Name, Ref, Time, UtcDateTime


class AlertRule(db.Model):  # type: ignore[name-defined]
    """Tells people when a number passes a threshold, or is far from what is usual (P33)."""

    __tablename__ = "alert_rules"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    project_id: Mapped[Ref | None] = mapped_column(ForeignKey("projects.id"))  # None: the whole workspace
    name: Mapped[Name]
    active: Mapped[bool] = mapped_column(default=True)
    config: Mapped[JsonDict]  # domain.alert_rules.AlertRule: metric, where, window, kind, bound
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime())  # the end of the last window looked at
    fired_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    measured: Mapped[JsonDict | None]  # at that time: calls, value, bound; or what is gone
    created_at: Mapped[Created]


class AlertSample(db.Model):  # type: ignore[name-defined]
    """What a rule measured in one window of five minutes; kept for the days that it compares with."""

    __tablename__ = "alert_samples"

    rule_id: Mapped[Ref] = mapped_column(ForeignKey("alert_rules.id", ondelete="CASCADE"), primary_key=True)
    starts_at: Mapped[Time] = mapped_column(primary_key=True)
    calls: Mapped[int] = mapped_column(BigInteger)
    value: Mapped[float] = mapped_column(Float)
