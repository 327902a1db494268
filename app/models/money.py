"""Money: plans, budgets, holds and the ledger. Integer nano-dollars; SQL alone decides (reliability 1.1)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import Created, Id, Json, JsonDict, JsonList, Name, Nano, Ref, Time, UtcDateTime


class Plan(db.Model):  # type: ignore[name-defined]
    """What an account may use, by name (R12). None means no limit; the whole installation shares plans."""

    __tablename__ = "plans"

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[Name]
    position: Mapped[int] = mapped_column(default=0)
    price_nano_usd_per_month: Mapped[Nano | None]  # None: on request
    requests_per_minute: Mapped[int | None]
    burst_per_second: Mapped[int | None]
    included_tokens: Mapped[int | None] = mapped_column(BigInteger)  # per calendar month
    overage_nano_usd_per_million: Mapped[Nano | None]
    hard_cap: Mapped[bool] = mapped_column(default=False)
    trial_credit_nano_usd: Mapped[Nano] = mapped_column(default=0)
    plugins: Mapped[list[Any] | None] = mapped_column(Json)  # None: every plugin
    created_at: Mapped[Created]


class Budget(db.Model):  # type: ignore[name-defined]
    """A limit in dollars, tokens or both on an account, key, endpoint, project or plan (rules, C16).

    A budget of period `request` caps each call; the others have one row in budget_periods for each period.
    `hard` refuses what would pass the cap; otherwise it only tells.
    """

    __tablename__ = "budgets"
    __table_args__ = (
        UniqueConstraint("scope_type", "scope_id", "period"),
        CheckConstraint("cap_nano_usd IS NULL OR cap_nano_usd >= 0", name="usd"),
        CheckConstraint("cap_tokens IS NULL OR cap_tokens >= 0", name="tokens"),
        CheckConstraint("cap_nano_usd IS NOT NULL OR cap_tokens IS NOT NULL", name="any"),
    )

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"), index=True)
    scope_type: Mapped[str] = mapped_column(String(16))  # account | key | endpoint | project | plan
    scope_id: Mapped[Ref]  # plan: the account that is on it
    period: Mapped[str] = mapped_column(String(16))  # request | day | month
    cap_nano_usd: Mapped[Nano | None]
    cap_tokens: Mapped[int | None] = mapped_column(BigInteger)
    hard: Mapped[bool] = mapped_column(default=True)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[Created]


class BudgetPeriod(db.Model):  # type: ignore[name-defined]
    """What of a budget is spent and held in one day or month of its workspace's time zone."""

    __tablename__ = "budget_periods"
    __table_args__ = (
        UniqueConstraint("budget_id", "starts_on"),
        CheckConstraint("reserved_nano_usd >= 0 AND spent_nano_usd >= 0", name="usd"),
        CheckConstraint("reserved_tokens >= 0 AND spent_tokens >= 0", name="tokens"),
    )

    id: Mapped[Id]
    budget_id: Mapped[Ref] = mapped_column(ForeignKey("budgets.id"))
    starts_on: Mapped[date]  # the first local day of the period
    cap_nano_usd: Mapped[Nano | None]  # as the budget's, changed with it
    cap_tokens: Mapped[int | None] = mapped_column(BigInteger)
    hard: Mapped[bool]
    spent_nano_usd: Mapped[Nano] = mapped_column(default=0)
    reserved_nano_usd: Mapped[Nano] = mapped_column(default=0)
    spent_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    reserved_tokens: Mapped[int] = mapped_column(BigInteger, default=0)


class Reservation(db.Model):  # type: ignore[name-defined]
    """The hold of one call: the most it may cost. Its id is the request's id.

    `held` becomes `settled` (charged, at most the hold) or `voided` (nothing charged), once.
    """

    __tablename__ = "reservations"
    __table_args__ = (
        CheckConstraint("charged_nano_usd >= 0 AND charged_nano_usd <= amount_nano_usd", name="charged"),
        CheckConstraint("charged_tokens >= 0 AND charged_tokens <= amount_tokens", name="tokens"),
        Index("ix_reservations_account_id_created_at", "account_id", "created_at"),
        Index(
            "ix_reservations_open",
            "expires_at",
            postgresql_where=text("state = 'held'"),
            sqlite_where=text("state = 'held'"),
        ),
    )

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id"))  # the root account
    prepaid: Mapped[bool]  # whether the amount is held from the account's balance
    amount_nano_usd: Mapped[Nano]
    amount_tokens: Mapped[int] = mapped_column(BigInteger)
    input_nano_usd: Mapped[Nano]  # what is charged when the worker dies
    input_tokens: Mapped[int] = mapped_column(BigInteger)
    period_ids: Mapped[JsonList]  # budget_periods it is held in as well
    price: Mapped[dict[str, Any] | None] = mapped_column(Json)  # frozen, by model id (O28)
    about: Mapped[JsonDict] = mapped_column(default=dict)  # whose call it is, for the record if it dies
    state: Mapped[str] = mapped_column(String(16), default="held")  # held | settled | voided
    outcome: Mapped[str | None] = mapped_column(String(24))
    charged_nano_usd: Mapped[Nano] = mapped_column(default=0)
    charged_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    shortfall_nano_usd: Mapped[Nano] = mapped_column(default=0)
    created_at: Mapped[Created]
    expires_at: Mapped[Time]
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class LedgerEntry(db.Model):  # type: ignore[name-defined]
    """One movement of money between an account and a system side. Append-only, two-sided by construction."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("account_id", "number"),
        UniqueConstraint("account_id", "kind", "ref"),
        CheckConstraint("amount_nano_usd > 0", name="amount"),
        CheckConstraint("from_side <> to_side", name="sides"),
        Index("ix_ledger_entries_account_id_created_at", "account_id", "created_at"),
    )

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id"))
    number: Mapped[int]  # 1, 2, 3 … within the account, without gaps
    kind: Mapped[str] = mapped_column(String(16))  # charge | top_up | trial | adjustment | refund
    from_side: Mapped[str] = mapped_column(String(16))  # account | revenue | funding | corrections
    to_side: Mapped[str] = mapped_column(String(16))
    amount_nano_usd: Mapped[Nano]
    balance_after_nano_usd: Mapped[Nano]
    ref: Mapped[str] = mapped_column(String(200))  # the request's id, or whatever made it happen once
    reason: Mapped[str] = mapped_column(String(500), default="")
    actor_label: Mapped[str] = mapped_column(String(254), default="")
    created_at: Mapped[Created]


class IdempotencyKey(db.Model):  # type: ignore[name-defined]
    """A client's Idempotency-Key within its project: the same request is answered once (reliability 1.11)."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("project_id", "key"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    project_id: Mapped[Ref] = mapped_column(ForeignKey("projects.id"))
    key: Mapped[str] = mapped_column(String(255))
    fingerprint: Mapped[str] = mapped_column(String(64))  # SHA-256 of method, path and body
    request_id: Mapped[Ref] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(String(16), default="in_flight")  # in_flight | done
    status: Mapped[int | None]
    content_type: Mapped[str | None] = mapped_column(String(100))
    answer: Mapped[bytes | None]  # None: too large, streamed, or not to be kept
    created_at: Mapped[Created]
    expires_at: Mapped[Time] = mapped_column(index=True)
