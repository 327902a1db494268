"""What a record keeps of a call, as a row: the names and values that differ from a blank one."""

from __future__ import annotations

from typing import Any

from app.domain import replays, variables
from app.domain.frozen_prices import frozen_price
from app.domain.records import Record
from app.domain.stored_texts import stored, without_nul
from app.models import RecordRow
from app.services import guardrail_settings, shadow_queue
from app.services.record_facts import attempts_of, end_user, guardrails_of, own_id, status_of, tag_of

Row = dict[str, Any]

COLUMNS = tuple(RecordRow.__table__.columns)
DEFAULTS: Row = {each.name: each.default.arg if each.default is not None else None for each in COLUMNS}
COUNTS = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens",
)  # fmt: skip
OF_SUMS = (
    "payer_id", "provider_id", "provider_nano_usd", "compared_nano_usd", "stands_alone", "lacks_variables",
)  # fmt: skip
SIZE = "content_bytes"  # about how much memory the content takes; no column
BLANK: Row = {**DEFAULTS, **dict.fromkeys(COUNTS, 0), "estimated": False, **dict.fromkeys(OF_SUMS)}


class ContentSetting:
    """Whether the operator allows keeping content at all; set once at start."""

    allowed = False


content_allowed = ContentSetting()


def complete(row: Row) -> Row:
    """Return the row with every column, and with what the sums need beside them (`OF_SUMS`)."""
    return BLANK | row


def about(record: Record) -> Row:
    """Return whose call it is and what it is for: what is known before anybody is asked."""
    caller, target, call = record.caller, record.target, record.call
    row: Row = {
        "surface": call.surface,
        "source": call.source if call.shadow_of is None else "shadow",
        "client_request_id": own_id(record),
        "end_user": end_user(record),
        "stream": record.streamed,
        "account_id": None,
        "project_id": None,
        "key_id": None,
        "caller_label": "",
    }
    if caller is not None:
        row["account_id"], row["project_id"] = caller.account_id, caller.project_id
        row["key_id"], row["caller_label"] = caller.key_id, caller.label
    if target is None:
        return row | {
            "endpoint_id": None,
            "endpoint_version": None,
            "endpoint_slug": stored(call.slug or "", 64),
            "operation": call.scope,
            "model_requested": "",
        }
    row["endpoint_id"], row["endpoint_version"] = target.endpoint_id, target.version
    row["endpoint_slug"], row["operation"] = target.slug, target.operation
    row["model_requested"] = stored(target.requested or target.config.model, 200)
    return row


def row_of(record: Record) -> Row:
    """Return the record as a row, and what its sums need beside it; nothing of it changes any more."""
    caller, call, usage, target = record.caller, record.call, record.usage, record.target
    row = about(record)
    row["id"], row["created_at"] = call.request_id, record.created_at
    row["outcome"], row["status"] = record.outcome, status_of(record)
    row["cost_nano_usd"], row["price"] = record.cost_nano_usd, frozen_price(record)
    row["attempts"] = [attempt.as_dict() for attempt in attempts_of(record)]
    row["steps"], row["duration_ms"] = record.steps, record.duration_ms
    row["first_token_ms"] = record.first_token_ms
    if caller is not None:
        row["workspace_id"], row["payer_id"] = caller.workspace_id, caller.payer_id
    if usage is not None:
        row["input_tokens"], row["output_tokens"] = usage.input_tokens, usage.output_tokens
        row["cache_read_tokens"], row["cache_write_tokens"] = (
            usage.cache_read_tokens,
            usage.cache_write_tokens,
        )
        row["reasoning_tokens"], row["estimated"] = usage.reasoning_tokens, usage.estimated
    if record.answered_by is not None:
        row["provider"], row["provider_id"] = record.answered_by.provider_slug, record.answered_by.provider_id
        row["provider_nano_usd"] = record.provider_cost_nano_usd
    if record.model_answered:
        row["model_answered"] = stored(record.model_answered, 200)
    if record.finish_reason:
        row["finish_reason"] = stored(record.finish_reason, 32)
    if record.hold is not None and record.hold.stored:
        row["held_nano_usd"] = record.hold.nano_usd
    if content_allowed.allowed and target is not None and target.log_content:
        row["content"] = content_of(record)
        row[SIZE] = len(call.raw_body) + sum(map(len, record.delivered))
    add_endings(row, record)
    add_choices(row, record)
    add_parts(row, record)
    return row


def add_endings(row: Row, record: Record) -> None:
    """Add what only few calls have: an error, a cost beyond what was held or measured against another."""
    if record.error is not None:
        row["error_code"], row["error_message"] = record.error.code, stored(record.error.message, 500)
        param = record.error.param
        row["lacks_variables"] = param is not None and param.split(".")[0] == variables.FIELD
    if record.shortfall_nano_usd:
        row["shortfall_nano_usd"] = record.shortfall_nano_usd
    if record.overage_nano_usd:
        row["overage_nano_usd"] = record.overage_nano_usd
    if record.savings_nano_usd is not None:
        row["savings_nano_usd"] = record.savings_nano_usd
    if record.compared_nano_usd is not None:
        row["compared_nano_usd"] = record.compared_nano_usd


def add_choices(row: Row, record: Record) -> None:
    """Add why these models were asked: a rule, a policy, a rollout, the route of `auto`."""
    target, call = record.target, record.call
    arm = target.arm if target is not None else record.error.arm if record.error is not None else None
    if arm is not None:
        row["rollout_id"], row["arm"] = arm.rollout_id, arm.name
        row["stands_alone"] = shadow_queue.stands_alone(record)
    if target is not None and target.rule:
        row["routing_decision"] = target.rule
    if target is not None and target.policy is not None:
        row |= target.policy.columns()
    if record.decision is not None:
        row["routing"] = record.decision.as_dict()
    tag = tag_of(call)
    if tag is not None:
        row["tag"] = tag
    if call.shadow_of or call.repeats is not None:
        row["parent_request_id"] = call.shadow_of or (call.repeats.request_id if call.repeats else None)


def add_parts(row: Row, record: Record) -> None:
    """Add what came beside the answer, and what became of it on the way."""
    if record.answer_id:
        row["upstream_id"] = stored(record.answer_id, 128)
    if record.cached:
        row["cached"] = True
    if record.extras:
        row["extras"] = [extra.as_dict() for extra in record.extras]
    if record.warnings:
        row["warnings"] = record.warnings
    if record.healing is not None:
        row["healing"] = record.healing.as_dict()
    if record.guarding is not None:
        row["guardrails"] = guardrails_of(record)
    if record.session is not None:
        row["session_id"] = record.session.id


def content_of(record: Record) -> Row | None:
    """Return prompts and answer of a call whose project asks for keeping them (C27)."""
    if guardrail_settings.is_unseen(record):  # it may hold what is to be masked
        return None
    told = record.guarding.told if record.guarding else None
    content = {
        "messages": record.messages,
        "answer": "".join(record.delivered if told is None else told),
        replays.NAME: replays.kept(record),
    }
    return {name: without_nul(value) for name, value in content.items()}
