"""Lets a call in: one Redis round trip before the provider is called, and none to wait for after it."""

from __future__ import annotations

import orjson

from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.limits import Counted, Full, Limiter, limiters, refusal
from app.domain.records import Record
from app.domain.targets import Target
from app.redis_store import Beside, RedisAway
from app.services import limits, stamps
from app.services.makers import outermost

BYTES_PER_TOKEN = 4
MAXIMA = ("max_completion_tokens", "max_tokens", "max_output_tokens")
MOST_TOKENS = 1_000_000_000


def admit(record: Record, *, fresh: bool, beside: Beside | None = None) -> bool:
    """Say whether the call may go on with what was read of its key and target; False: read them afresh.

    Then it is counted in its limits, and `record.counted` says how; RateLimited where one is reached.
    What was just read (`fresh`) is not doubted again. `beside` rides along in the same round trip.
    """
    caller, target = record.caller, record.target
    assert caller is not None and target is not None
    call = record.call
    is_beside = call.repeats is not None or call.shadowed is not None
    applying = () if is_beside else limiters_of(caller, target)
    if not applying:
        return stamps.is_fresh(caller.workspace_id, caller.config_stamp, caller.read_at, beside)
    tokens = estimate_tokens(record.call) if any(item.kind == "tokens_per_minute" for item in applying) else 0
    outcome = count(caller, applying, record.call.request_id, tokens, fresh, beside)
    if isinstance(outcome, Full):
        raise refusal(outcome)
    record.counted = outcome
    return outcome is not None


def count(
    caller: Caller,
    applying: tuple[Limiter, ...],
    member: str,
    tokens: int,
    fresh: bool,
    beside: Beside | None = None,
) -> Counted | Full | None:
    """Count the call where it can be counted; None when what was read of it is stale."""
    stamp = limits.ANY_STAMP if fresh else held_stamp(caller)
    try:
        return limits.count(applying, caller.workspace_id, stamp, member, tokens, beside=beside)
    except RedisAway as away:
        if not stamps.is_fresh_while_away(caller.read_at, away) and not fresh:
            return None
        return limits.count_locally(applying, member, tokens, doubtful=away.__cause__ is not None)


def held_stamp(caller: Caller) -> str:
    """Return the stamp that must still stand; one that never does for rows that are too old."""
    return (caller.config_stamp or "") if stamps.is_recent(caller.read_at) else limits.NO_STAMP_FITS


def release(record: Record) -> None:
    """Give back the call's place, and correct its tokens; never waits and never raises."""
    if record.counted is not None:
        usage = record.usage
        used = min(usage.input_tokens + usage.output_tokens, MOST_TOKENS) if usage else 0
        limits.give_back(record.counted, record.call.request_id, used)


def limiters_of(caller: Caller, target: Target) -> tuple[Limiter, ...]:
    """Return every limit on the call: its plan's, its key's, and the endpoint's that the key leaves (P20)."""
    found: tuple[Limiter, ...] = ()
    if caller.plan is not None and caller.plan.limits:
        found = limiters("plan", caller.payer_id, caller.plan.limits)
    if caller.key_id is not None:
        if caller.limits:
            found += limiters("key", caller.key_id, caller.limits)
        for maker_id, limits_above in caller.makers:
            found += limiters("key", maker_id, limits_above)
    if target.endpoint_id is not None and target.limits:
        own = outermost(caller.limits, caller.makers)
        found += limiters("endpoint", target.endpoint_id, target.limits, own)
    return found


def estimate_tokens(call: Call) -> int:
    """Return about how many tokens the call will take: its body, and the longest answer it asks for."""
    size = len(call.raw_body) or len(orjson.dumps(call.body))
    asked: list[int] = [call.body[name] for name in MAXIMA if type(call.body.get(name)) is int]
    return min(-(-size // BYTES_PER_TOKEN) + max([0, *asked]), MOST_TOKENS)
