"""Policies of a project and their immutable versions; one is live."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import Created, Id, JsonDict, Name, Ref


class Policy(db.Model):  # type: ignore[name-defined]
    """What a project's clients name in x-kagu-policy-key. `key` is lower case (K13)."""

    __tablename__ = "policies"
    __table_args__ = (UniqueConstraint("project_id", "key"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"), index=True)
    project_id: Mapped[Ref] = mapped_column(ForeignKey("projects.id"))
    key: Mapped[str] = mapped_column(String(64))
    name: Mapped[Name]
    active: Mapped[bool] = mapped_column(default=True)  # off: every requested model answers as asked
    live_version_id: Mapped[Ref | None]  # who answers outside of a rollout, and as its old arm
    draft_version_id: Mapped[Ref | None]  # saved, but not yet live
    rollout_plan: Mapped[JsonDict] = mapped_column(default=dict)  # domain.rollout_plans; {}: at once
    created_at: Mapped[Created]


class PolicyVersion(db.Model):  # type: ignore[name-defined]
    """One saved state of a policy; never changed. `config` is domain.policies.rules.PolicyConfig as JSON."""

    __tablename__ = "policy_versions"
    __table_args__ = (UniqueConstraint("policy_id", "number"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    policy_id: Mapped[Ref] = mapped_column(ForeignKey("policies.id"))
    number: Mapped[int]
    config: Mapped[JsonDict]
    author: Mapped[str] = mapped_column(String(254))
    note: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[Created]


class PolicyPublication(db.Model):  # type: ignore[name-defined]
    """That a version went live: versions never change, so this stands beside them."""

    __tablename__ = "policy_publications"
    __table_args__ = (Index("ix_policy_publications_policy_id", "policy_id", "created_at"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    policy_id: Mapped[Ref] = mapped_column(ForeignKey("policies.id"))
    version_id: Mapped[Ref] = mapped_column(ForeignKey("policy_versions.id"))
    author: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[Created]
