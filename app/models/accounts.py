"""Tenants and people: workspaces, their accounts, users, memberships and one-time links."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import Created, Id, JsonDict, JsonList, Name, Nano, Ref, Time, UtcDateTime


class Workspace(db.Model):  # type: ignore[name-defined]
    """A tenant. Its slug stands in every dashboard URL."""

    __tablename__ = "workspaces"

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[Name] = mapped_column(unique=True)
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    alert_emails: Mapped[JsonList] = mapped_column(default=list)  # empty: its owners and admins
    muted_alerts: Mapped[JsonList] = mapped_column(default=list)  # kinds that are shown but not mailed
    guardrails: Mapped[JsonDict] = mapped_column(default=dict)  # domain.guardrails.settings, of every call
    created_at: Mapped[Created]


class Account(db.Model):  # type: ignore[name-defined]
    """Who pays. The root account of a workspace has no parent; it alone holds plan, billing and balance.

    A sub-account is a budget scope and an attribution: its spend lands on the root.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("balance_nano_usd >= 0", name="balance"),
        CheckConstraint("reserved_nano_usd >= 0 AND reserved_nano_usd <= balance_nano_usd", name="reserved"),
        CheckConstraint("rate_multiplier_ppm > 0", name="multiplier"),
        Index("uq_accounts_external_ref", "workspace_id", "external_ref", unique=True),
    )

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"), index=True)
    parent_id: Mapped[Ref | None] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[Name]
    rate_multiplier_ppm: Mapped[int] = mapped_column(default=1_000_000)
    billing: Mapped[str] = mapped_column(String(16), default="metered")  # metered | prepaid
    balance_nano_usd: Mapped[Nano] = mapped_column(default=0)
    reserved_nano_usd: Mapped[Nano] = mapped_column(default=0)  # the sum of its open holds
    ledger_count: Mapped[int] = mapped_column(default=0)  # the number of its newest ledger entry
    plan_id: Mapped[Ref | None] = mapped_column(ForeignKey("plans.id"))
    external_ref: Mapped[str | None] = mapped_column(String(200))  # what the customer calls a sub-account
    active: Mapped[bool] = mapped_column(default=True)
    spend_alert_nano_usd_per_day: Mapped[Nano | None]
    low_balance_nano_usd: Mapped[Nano | None]
    created_at: Mapped[Created]


class User(db.Model):  # type: ignore[name-defined]
    """A person who signs in. Raising `session_epoch` signs them out everywhere."""

    __tablename__ = "users"

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(254), unique=True)  # lower case
    name: Mapped[Name]
    password_hash: Mapped[str] = mapped_column(String(200))  # argon2id
    is_operator: Mapped[bool] = mapped_column(default=False)
    session_epoch: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[Created]


class Membership(db.Model):  # type: ignore[name-defined]
    """What a user may do in a workspace: viewer, editor, admin or owner."""

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("workspace_id", "user_id"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    user_id: Mapped[Ref] = mapped_column(ForeignKey("users.id"), index=True)
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[Created]


class OneTimeLink(db.Model):  # type: ignore[name-defined]
    """A link that works once: first set-up, an invitation, or a password reset. Only its hash is kept."""

    __tablename__ = "one_time_links"

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(16))  # setup | invitation | reset
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    workspace_id: Mapped[Ref | None] = mapped_column(ForeignKey("workspaces.id"), index=True)
    user_id: Mapped[Ref | None] = mapped_column(ForeignKey("users.id"))
    email: Mapped[str | None] = mapped_column(String(254))
    role: Mapped[str | None] = mapped_column(String(16))
    created_at: Mapped[Created]
    expires_at: Mapped[Time]
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class LoginAttempt(db.Model):  # type: ignore[name-defined]
    """Failed sign-ins per subject (an e-mail or an address), for the throttle; survives Redis."""

    __tablename__ = "login_attempts"

    id: Mapped[Id]
    subject: Mapped[str] = mapped_column(String(300), index=True)
    created_at: Mapped[Created]
