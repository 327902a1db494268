"""What the policy door says of a call, in the body of its answer and in headers (K7, K18, K19)."""

from __future__ import annotations

from typing import Any

from app.domain.pricing import nano_to_usd
from app.domain.records import Record

HEADER = "x-kagu-"


def used_fallback(record: Record) -> bool:
    """Say whether another model answered than the first that the policy wanted."""
    by, policy = record.answered_by, record.target.policy if record.target else None
    if by is None or policy is None:
        return False
    chain = record.decision.chain if record.decision else ()
    first = policy.first or (chain[0] if chain else by.model_id)
    return by.model_id != first


def told(record: Record) -> dict[str, Any]:
    """Return the answer's `kagu` object; only a success has one (O49)."""
    target, by = record.target, record.answered_by
    assert target is not None and target.policy is not None
    policy, saved = target.policy, record.savings_nano_usd
    return {
        "requestId": request_id(record),
        "action": policy.ruling.action,
        "rolloutState": policy.state,
        "policyKey": policy.key,
        "policyVersion": policy.version,
        "arm": target.arm.name if target.arm else None,
        "rule": policy.ruling.rule or None,
        "usedFallback": used_fallback(record),
        "modelRequested": target.requested,
        "model": by.model_id if by else None,
        "provider": by.provider_slug if by else None,
        "costUsd": None if record.cost_nano_usd is None else nano_to_usd(record.cost_nano_usd),
        "savingsUsd": None if saved is None else nano_to_usd(saved),
    }


def headers(record: Record) -> dict[str, str]:
    """Return the headers of an answer; a stream has no other place for them (K19)."""
    if record.target is None or record.target.policy is None:
        return {}
    policy = record.target.policy
    return {
        f"{HEADER}request-id": request_id(record),
        f"{HEADER}action": policy.ruling.action,
        f"{HEADER}rollout-state": policy.state,
        f"{HEADER}policy-version": str(policy.version),
        f"{HEADER}used-fallback": "true" if used_fallback(record) else "false",
    }


def request_id(record: Record) -> str:
    """Return the client's own id of the request, else ours."""
    policy = record.target.policy if record.target else None
    return (policy and policy.context.request_id) or record.call.request_id
