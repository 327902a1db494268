"""Facts of a record as its row keeps them."""

from __future__ import annotations

from typing import Any

from app.domain import dialects
from app.domain.calls import Call
from app.domain.forwarding import end_user_of
from app.domain.record_parts import Attempt
from app.domain.records import Record
from app.domain.stored_texts import stored
from app.services import arms


def guardrails_of(record: Record) -> list[dict[str, Any]] | None:
    """Return what guardrails said, where any held."""
    verdicts = record.guarding.verdicts if record.guarding else ()
    return [verdict.as_dict() for verdict in verdicts] or None


def own_id(record: Record) -> str | None:
    """Return the client's own id of the request: the one that counts once in its project, if it sent that."""
    policy = record.target.policy if record.target else None
    return (policy and policy.context.request_id) or record.call.client_request_id


def tag_of(call: Call) -> str | None:
    """Return the client's own word for whom the call is (A17)."""
    tag = call.headers.get("X-Aig-Tag", "").strip()
    return stored(tag, 64) if tag else None


def end_user(record: Record) -> str | None:
    """Return the client's own name of its user, where its headers or its body give one."""
    target, call = record.target, record.call
    if target is not None and target.policy is not None:
        return stored(target.policy.context.user_id, 200)
    name = call.headers.get(arms.USER_HEADER) or end_user_of(call.body)
    return stored(name, 200) if name else None


def attempts_of(record: Record) -> list[Attempt]:
    """Return the attempts, and before them the models of the chain that could not even be tried, and why."""
    if record.target is None or not record.attempts:
        return record.attempts
    if not record.target.skipped:
        return record.attempts
    config = record.target.config
    place = {model_id: number for number, model_id in enumerate((config.model, *config.failover))}
    last = place.get(record.attempts[-1].model_id, 0)
    skipped = [
        Attempt(item.model_id, item.model_id.partition("/")[0], "", "skipped", item.reason, 0)
        for item in record.target.skipped
        if place.get(item.model_id, 0) < last
    ]
    told: list[Attempt] = []
    for attempt in record.attempts:
        while skipped and place.get(skipped[0].model_id, 0) < place.get(attempt.model_id, 0):
            told.append(skipped.pop(0))
        told.append(attempt)
    return told


def status_of(record: Record) -> int:
    """Return the HTTP status as the client saw it, in the dialect of its route."""
    if record.error is None or record.first_token_ms is not None:
        return record.status
    return dialects.BY_NAME[record.call.dialect].status(record.error)
