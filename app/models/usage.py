"""Sums of what was used: by UTC day for thresholds, by hour for the charts."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import Id, Nano, Ref, Time


class DailySpend(db.Model):  # type: ignore[name-defined]
    """What an account was charged, or what a provider's calls cost, on one UTC day."""

    __tablename__ = "daily_spend"

    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    scope_type: Mapped[str] = mapped_column(String(16), primary_key=True)  # account | provider
    scope_id: Mapped[Ref] = mapped_column(primary_key=True)
    spent_nano_usd: Mapped[Nano] = mapped_column(default=0)
    ledger_nano_usd: Mapped[Nano] = mapped_column(default=0)  # the part that stands in the ledger
    calls: Mapped[int] = mapped_column(default=0)
    tokens: Mapped[int] = mapped_column(BigInteger, default=0)


DIMENSIONS = (
    "workspace_id", "starts_at", "account_id", "project_id", "key_id", "endpoint_id", "provider", "model",
    "end_user", "source", "policy", "plan", "region",
)  # fmt: skip


class HourColumns:
    """The columns of sums by hour. "" stands for none."""

    id: Mapped[Id]
    starts_at: Mapped[Time]
    account_id: Mapped[str] = mapped_column(String(36), default="")
    project_id: Mapped[str] = mapped_column(String(36), default="")
    key_id: Mapped[str] = mapped_column(String(36), default="")
    endpoint_id: Mapped[str] = mapped_column(String(36), default="")
    provider: Mapped[str] = mapped_column(String(64), default="")
    model: Mapped[str] = mapped_column(String(200), default="")
    end_user: Mapped[str] = mapped_column(String(200), default="")
    source: Mapped[str] = mapped_column(String(16), default="")
    policy: Mapped[str] = mapped_column(String(64), default="")  # its key
    plan: Mapped[str] = mapped_column(String(64), default="")  # of the end user, as the client says
    region: Mapped[str] = mapped_column(String(64), default="")
    calls: Mapped[int] = mapped_column(default=0)
    errors: Mapped[int] = mapped_column(default=0)
    blocked: Mapped[int] = mapped_column(default=0)  # by a guardrail or a policy
    unpriced: Mapped[int] = mapped_column(default=0)
    input_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    output_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    cost_nano_usd: Mapped[Nano] = mapped_column(default=0)
    savings_nano_usd: Mapped[Nano] = mapped_column(default=0)


class UsageHour(HourColumns, db.Model):  # type: ignore[name-defined]
    """The calls of one clock hour (UTC) that share model, key, endpoint and so on, as we measured them."""

    __tablename__ = "usage_hours"
    __table_args__ = (
        Index("uq_usage_hours_dimensions", *DIMENSIONS, unique=True),
        Index(
            "ix_usage_hours_end_user",
            "workspace_id",
            "end_user",
            "starts_at",
            postgresql_where=text("end_user <> ''"),
            sqlite_where=text("end_user <> ''"),
        ),
    )

    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))


class ReportedHour(HourColumns, db.Model):  # type: ignore[name-defined]
    """The same of calls that clients made themselves and reported: never part of what is charged (O48)."""

    __tablename__ = "reported_hours"
    __table_args__ = (Index("uq_reported_hours_dimensions", *DIMENSIONS, unique=True),)

    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
