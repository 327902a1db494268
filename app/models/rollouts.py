"""Rollouts: a new version of a policy or an endpoint beside the old one, and what is counted of both."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import Created, Id, Json, JsonDict, Ref, Time, UtcDateTime


class Rollout(db.Model):  # type: ignore[name-defined]
    """How one new version goes live. Its subject has at most one that is under way."""

    __tablename__ = "rollouts"
    __table_args__ = (
        Index(
            "uq_rollouts_under_way",
            "subject_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
        Index("ix_rollouts_subject_id_created_at", "subject_id", "created_at"),
        Index("ix_rollouts_workspace_id_created_at", "workspace_id", "created_at"),
    )

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    project_id: Mapped[Ref] = mapped_column(ForeignKey("projects.id"))
    subject_type: Mapped[str] = mapped_column(String(16))  # policy | endpoint
    subject_id: Mapped[Ref]
    old_version_id: Mapped[Ref]
    new_version_id: Mapped[Ref]
    old_number: Mapped[int]
    new_number: Mapped[int]
    state: Mapped[str] = mapped_column(String(8))  # OFF | SHADOW | CANARY | FULL
    share: Mapped[int] = mapped_column(default=0)  # of 10,000 end users who get the new version
    step: Mapped[int] = mapped_column(default=0)  # which of the plan's, from 0
    step_at: Mapped[Time]  # since when
    counted: Mapped[JsonDict] = mapped_column(default=dict)  # domain.arm_counts: before this step
    plan: Mapped[JsonDict]  # domain.rollout_plans.RolloutPlan
    outcome: Mapped[str | None] = mapped_column(String(16))  # promoted | rolled_back | stopped | undone
    reason: Mapped[dict[str, Any] | None] = mapped_column(Json)  # why it ended: measured, bound, by whom
    author: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[Created]
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class ArmCount(db.Model):  # type: ignore[name-defined]
    """One number of one arm: how many calls, how many of them in a bucket of latency or cost, and so on."""

    __tablename__ = "arm_counts"

    rollout_id: Mapped[Ref] = mapped_column(ForeignKey("rollouts.id"), primary_key=True)
    arm: Mapped[str] = mapped_column(String(8), primary_key=True)  # old | new | shadow
    measure: Mapped[str] = mapped_column(String(16), primary_key=True)  # domain.arm_counts.MEASURES
    bucket: Mapped[int] = mapped_column(primary_key=True)  # of its histogram; 0 for a plain sum
    amount: Mapped[int] = mapped_column(BigInteger, default=0)
