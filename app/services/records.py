"""Keeps the records: a bounded queue, written in batches at most a second late; money never waits on it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from datetime import datetime
from typing import Any

import gevent
import gevent.event
import gevent.monkey
from sqlalchemy import insert, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError
from sqlalchemy.orm import Session

from app.database import database
from app.domain import replays
from app.domain.frozen_prices import frozen_price
from app.domain.records import Record
from app.domain.stored_texts import stored, without_nul
from app.models import Key, RecordRow
from app.services import (
    answer_ids,
    arm_counts,
    batch_spend,
    guardrail_settings,
    performance,
    unpriced_models,
    usage_hours,
)
from app.services.record_facts import attempts_of, end_user, guardrails_of, status_of, tag_of

log = logging.getLogger(__name__)
MOST_WAITING = 20_000
MOST_IN_BATCH = 500
PAUSE_SECONDS = 0.25


class Writer:
    """Collects rows and writes them from one greenlet; without gevent it writes at once."""

    def __init__(self) -> None:
        self.dropped = 0
        self._waiting: deque[dict[str, Any]] = deque()
        self._wake: gevent.event.Event | None = None
        self._writing = threading.RLock()  # the last flush of a worker waits for the one under way

    def put(self, row: dict[str, Any]) -> None:
        """Queue one row; when the queue is full the row is dropped and counted."""
        if len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
            return
        self._waiting.append(row)
        if not gevent.monkey.is_module_patched("socket"):
            self.flush()
            return
        if self._wake is None:
            self._wake = gevent.event.Event()
            gevent.spawn(self._run, self._wake)
        self._wake.set()

    def flush(self) -> None:
        """Write what waits now; a batch that fails is put back and tried again later.

        What comes in meanwhile waits for the next time: else the batches would get small under load.

        A row that the database will never take must not hold up the others: batches shrink until it
        stands alone, and then it is left out.
        """
        with self._writing:
            size, left = MOST_IN_BATCH, len(self._waiting)
            while left:
                batch = [self._waiting.popleft() for _ in range(min(size, left))]
                error = attempt(batch)
                if error is None:
                    left -= len(batch)
                    size = min(MOST_IN_BATCH, 2 * size)
                elif not is_refusal(error):
                    log.error("records not written, will try again: %s", type(error).__name__)
                    self._waiting.extendleft(reversed(batch))
                    return
                elif len(batch) > 1:
                    self._waiting.extendleft(reversed(batch))
                    size = len(batch) // 2
                else:
                    left -= 1
                    self.dropped += 1
                    log.error("record %s cannot be stored: %s", batch[0]["id"], type(error).__name__)

    def _run(self, wake: gevent.event.Event) -> None:
        while True:
            wake.wait()
            wake.clear()
            gevent.sleep(PAUSE_SECONDS)
            self.flush()
            if self._waiting:
                wake.set()


writer = Writer()


def attempt(rows: list[dict[str, Any]]) -> Exception | None:
    """Write the rows in one transaction; return what went wrong."""
    try:
        database.transaction(lambda session: write_rows(session, rows))
    except Exception as error:
        return error
    return None


def is_refusal(error: Exception) -> bool:
    """Say whether the database is there but will never take one of the rows (a duplicate, a bad value)."""
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError | IntegrityError)
    return isinstance(error, StatementError | ValueError | TypeError | OverflowError)


def write_rows(session: Session, rows: list[dict[str, Any]]) -> None:
    """Insert the rows, count them in their hours, days and arms, and note when their keys were last used."""
    session.execute(insert(RecordRow), [stored_columns(row) for row in rows])
    used: dict[str, datetime] = {row["key_id"]: row["created_at"] for row in rows if row["key_id"]}
    for key_id in sorted(used):
        session.execute(update(Key).where(Key.id == key_id).values(last_used_at=used[key_id]))
    usage_hours.add(session, rows)
    batch_spend.add(session, rows)
    arm_counts.add(session, rows)
    unpriced_models.note(session, rows)


def stored_columns(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row without what only the sums need."""
    columns = dict(row)
    for name in (*batch_spend.FACTS, *arm_counts.FACTS):
        columns.pop(name, None)
    return columns


def write(record: Record) -> None:
    """Queue the record's row; never raises. A call whose caller is unknown leaves no row."""
    if record.caller is not None:
        answer_ids.note(record)
        performance.note(record)
        writer.put(row_of(record))


def row_of(record: Record) -> dict[str, Any]:
    """Return the record as a row, and what its sums need beside it."""
    shown = {**who(record), **what(record), **governed(record), **result(record)}
    return {**shown, **batch_spend.facts_of(record), **arm_counts.facts_of(record)}


def who(record: Record) -> dict[str, Any]:
    """Return the columns that say who called."""
    caller, call = record.caller, record.call
    return {
        "id": call.request_id,
        "created_at": record.created_at,
        "workspace_id": caller.workspace_id if caller else None,
        "account_id": caller.account_id if caller else None,
        "project_id": caller.project_id if caller else None,
        "key_id": caller.key_id if caller else None,
        "caller_label": caller.label if caller else "",
        "surface": call.surface,
        "source": call.source if call.shadow_of is None else "shadow",
        "client_request_id": own_id(record),
    }


def own_id(record: Record) -> str | None:
    """Return the client's own id of the request: the one that counts once in its project, if it sent that."""
    policy = record.target.policy if record.target else None
    return (policy and policy.context.request_id) or record.call.client_request_id


def what(record: Record) -> dict[str, Any]:
    """Return the columns that say what was called and who answered."""
    target, call = record.target, record.call
    return {
        "endpoint_id": target.endpoint_id if target else None,
        "endpoint_version": target.version if target else None,
        "endpoint_slug": target.slug if target else stored(call.slug or "", 64),
        "operation": target.operation if target else call.scope,
        "end_user": end_user(record),
        "upstream_id": stored(record.answer_id, 128) if record.answer_id else None,
        "stream": record.streamed,
        "model_requested": stored(target.requested or target.config.model, 200) if target else "",
        "model_answered": stored(record.model_answered, 200) if record.model_answered else None,
        "provider": record.answered_by.provider_slug if record.answered_by else None,
        "tag": tag_of(call),
        "cached": record.cached,
        "savings_nano_usd": record.savings_nano_usd,
        "routing": record.decision.as_dict() if record.decision else None,
        "routing_decision": (target.rule or None) if target else None,
        "extras": [extra.as_dict() for extra in record.extras] or None,
        "warnings": record.warnings or None,
        "healing": record.healing.as_dict() if record.healing else None,
        "guardrails": guardrails_of(record),
        "session_id": record.session.id if record.session else None,
        "parent_request_id": call.shadow_of or (call.repeats.request_id if call.repeats else None),
        "attempts": [attempt.as_dict() for attempt in attempts_of(record)],
        "content": content_of(record),
    }


NOT_GOVERNED = dict.fromkeys(
    ("policy_key", "policy_version", "policy_state", "action", "policy_rule", "plan", "region", "context")
)


def governed(record: Record) -> dict[str, Any]:
    """Return the columns that say what a policy decided, and on which side of a rollout the call was."""
    target = record.target
    policy = target.policy if target else None
    arm = target.arm if target else record.error.arm if record.error else None
    sides = {"rollout_id": arm.rollout_id if arm else None, "arm": arm.name if arm else None}
    return {**(policy.columns() if policy else NOT_GOVERNED), **sides}


def result(record: Record) -> dict[str, Any]:
    """Return the columns that say how it ended and what it cost."""
    usage, error = record.usage, record.error
    return {
        "outcome": record.outcome,
        "status": status_of(record),
        "error_code": error.code if error else None,
        "error_message": stored(error.message, 500) if error else None,
        "finish_reason": stored(record.finish_reason, 32) if record.finish_reason else None,
        "input_tokens": usage.input_tokens if usage else 0,
        "output_tokens": usage.output_tokens if usage else 0,
        "cache_read_tokens": usage.cache_read_tokens if usage else 0,
        "cache_write_tokens": usage.cache_write_tokens if usage else 0,
        "reasoning_tokens": usage.reasoning_tokens if usage else 0,
        "estimated": usage.estimated if usage else False,
        "cost_nano_usd": record.cost_nano_usd,
        "held_nano_usd": record.hold.nano_usd if record.hold and record.hold.stored else None,
        "shortfall_nano_usd": record.shortfall_nano_usd,
        "overage_nano_usd": record.overage_nano_usd,
        "price": frozen_price(record),
        "steps": record.steps,
        "first_token_ms": record.first_token_ms,
        "duration_ms": record.duration_ms,
    }


def content_of(record: Record) -> dict[str, Any] | None:
    """Return prompts and answer where the setting allows it and the project asks for it (C27)."""
    if not (content_allowed.allowed and record.target and record.target.log_content):
        return None
    if guardrail_settings.is_unseen(record):  # it may hold what is to be masked
        return None
    told = record.guarding.told if record.guarding else None
    content = {
        "messages": record.messages,
        "answer": "".join(record.delivered if told is None else told),
        replays.NAME: replays.kept(record),
    }
    return {name: without_nul(value) for name, value in content.items()}


class ContentSetting:
    """Whether the operator allows keeping content at all; set once at start."""

    allowed = False


content_allowed = ContentSetting()
