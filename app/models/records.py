"""Records: one row per call, written once. Partitioned by month on PostgreSQL; no foreign keys either way."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import Json, JsonDict, JsonList, Nano, Ref, UtcDateTime


def some(name: str, condition: str, *columns: str) -> Index:
    """Return an index of the records that meet a condition."""
    where = text(condition)
    return Index(f"ix_records_{name}", *columns, postgresql_where=where, sqlite_where=where)


class RecordRow(db.Model):  # type: ignore[name-defined]
    """What became of one call; its public view is the receipt."""

    __tablename__ = "records"
    __table_args__ = (
        Index("ix_records_workspace_id_created_at", "workspace_id", "created_at"),
        Index("ix_records_endpoint_id_created_at", "endpoint_id", "created_at"),
        some("kept_content", "content IS NOT NULL", "project_id", "created_at"),
        some("upstream_id", "upstream_id IS NOT NULL", "project_id", "upstream_id"),
        some("unpriced", "cost_nano_usd IS NULL", "workspace_id", "created_at"),
        some("guarded", "guardrails IS NOT NULL", "workspace_id", "created_at"),
        some("parent_request_id", "parent_request_id IS NOT NULL", "parent_request_id"),
        some("end_user", "end_user IS NOT NULL", "workspace_id", "end_user", "created_at"),
        some("policy_key", "policy_key IS NOT NULL", "project_id", "policy_key", "created_at"),
        some("key_id", "key_id IS NOT NULL", "key_id", "created_at"),
        some("project_id", "project_id IS NOT NULL", "project_id", "created_at"),
        some("client_request_id", "client_request_id IS NOT NULL", "workspace_id", "client_request_id"),
        some("outcome", "outcome <> 'succeeded'", "workspace_id", "outcome", "created_at"),
        some("source", "source <> 'api'", "workspace_id", "source", "created_at"),
        some("saved", "savings_nano_usd IS NOT NULL", "project_id", "created_at", "savings_nano_usd"),
        some("action", "action IS NOT NULL", "workspace_id", "action", "created_at"),
        some("arm", "arm IS NOT NULL", "workspace_id", "arm", "created_at"),
        some("person", "key_id IS NULL", "workspace_id", "caller_label", "created_at"),
        some("model", "provider IS NOT NULL", "workspace_id", "provider", "model_answered", "created_at"),
        some("unanswered", "model_answered IS NULL", "workspace_id", "model_requested", "created_at"),
        {"postgresql_partition_by": "RANGE (created_at)"},
    )

    created_at: Mapped[datetime] = mapped_column(UtcDateTime(), primary_key=True)
    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)  # UUIDv7
    workspace_id: Mapped[Ref]
    account_id: Mapped[Ref | None]
    project_id: Mapped[Ref | None]
    key_id: Mapped[Ref | None]
    endpoint_id: Mapped[Ref | None]
    endpoint_version: Mapped[int | None]
    caller_label: Mapped[str] = mapped_column(String(254))
    endpoint_slug: Mapped[str] = mapped_column(String(64))
    operation: Mapped[str] = mapped_column(String(24), default="chat")  # chat | responses | messages | …
    end_user: Mapped[str | None] = mapped_column(String(200))  # the client's own user, as it named them
    upstream_id: Mapped[str | None] = mapped_column(
        String(128)
    )  # of a forwarded answer, as its provider named it
    surface: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(16))  # api | dashboard
    client_request_id: Mapped[str | None] = mapped_column(String(128))
    stream: Mapped[bool]
    outcome: Mapped[str] = mapped_column(
        String(24)
    )  # succeeded | replayed | refused | failed | client_left | cut | aborted | crashed
    status: Mapped[int]
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(String(500))
    model_requested: Mapped[str] = mapped_column(String(200))
    model_answered: Mapped[str | None] = mapped_column(String(200))
    provider: Mapped[str | None] = mapped_column(String(64))
    finish_reason: Mapped[str | None] = mapped_column(String(32))
    input_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cache_read_tokens: Mapped[int]
    cache_write_tokens: Mapped[int]
    reasoning_tokens: Mapped[int]
    estimated: Mapped[bool]
    cost_nano_usd: Mapped[Nano | None]  # None: the price is not known
    held_nano_usd: Mapped[Nano | None]  # what was held for it; None: nothing had to be
    shortfall_nano_usd: Mapped[Nano] = mapped_column(default=0)  # cost beyond the hold: the operator's
    overage_nano_usd: Mapped[Nano] = mapped_column(default=0)  # for tokens over the plan's included ones
    price: Mapped[dict[str, Any] | None] = mapped_column(Json)  # frozen: prices per million and multipliers
    attempts: Mapped[JsonList]
    tag: Mapped[str | None] = mapped_column(String(64))  # the client's own word for whom it was (A17)
    cached: Mapped[bool] = mapped_column(default=False)  # answered from the project's cache
    savings_nano_usd: Mapped[Nano | None]  # against the baseline model; None: not routed, or not known
    routing: Mapped[dict[str, Any] | None] = mapped_column(Json)  # domain.decisions.Decision (R20)
    routing_decision: Mapped[str | None] = mapped_column(String(60))  # the label of an endpoint's rule (P31)
    extras: Mapped[list[Any] | None] = mapped_column(Json)  # domain.records.Extra: paid for beside the answer
    warnings: Mapped[list[Any] | None] = mapped_column(Json)  # what was dropped or changed, in plain words
    healing: Mapped[dict[str, Any] | None] = mapped_column(Json)  # domain.records.Healing: of a JSON answer
    guardrails: Mapped[list[Any] | None] = mapped_column(Json)  # domain.guardrails.verdicts.Verdict
    session_id: Mapped[Ref | None]
    parent_request_id: Mapped[Ref | None]  # of the call that this one repeats (P32)
    policy_key: Mapped[str | None] = mapped_column(String(64))
    policy_version: Mapped[int | None]
    action: Mapped[str | None] = mapped_column(String(16))  # what the policy had done
    policy_rule: Mapped[str | None] = mapped_column(String(60))  # the label of the one that held
    policy_state: Mapped[str | None] = mapped_column(String(8))  # OFF | SHADOW | CANARY | FULL, at that time
    rollout_id: Mapped[Ref | None]
    arm: Mapped[str | None] = mapped_column(String(8))  # old | new | shadow
    plan: Mapped[str | None] = mapped_column(String(64))  # of the end user, as the client says
    region: Mapped[str | None] = mapped_column(String(64))
    context: Mapped[dict[str, Any] | None] = mapped_column(Json)  # domain.policies.contexts.Context
    reported: Mapped[dict[str, Any] | None] = mapped_column(Json)  # the client's own numbers (O48)
    steps: Mapped[JsonDict]  # microseconds by step
    first_token_ms: Mapped[int | None]
    duration_ms: Mapped[int]
    content: Mapped[dict[str, Any] | None] = mapped_column(Json)  # prompts and answer, only where asked for
