"""Keeps a conversation with the model that answered it before, so that the provider's prompt cache serves it.

What is remembered is looked up in the one round trip to Redis that every call makes, and set without waiting.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.records import Record
from app.domain.routing import decide
from app.domain.routing.conversations import is_continued, opening
from app.domain.targets import Plan
from app.extensions import redis
from app.redis_store import Beside

SECONDS = 1800  # about as long as providers keep what they have cached


def key_of(caller: Caller, call: Call) -> str:
    """Return under which name the conversation is remembered: whose it is, and how it began."""
    told = "\x00".join((caller.project_id, caller.key_id or caller.label, *opening(call.chat)))
    return f"sluice:sticky:{hashlib.blake2b(told.encode(errors='replace'), digest_size=16).hexdigest()}"


def lookup(plan: Plan, call: Call) -> Beside | None:
    """Return the question for the model that answered before; None for a conversation's first message."""
    if not plan.sticky_key or not is_continued(call.chat):
        return None
    return Beside("GET", plan.sticky_key)


def stay(plan: Plan, remembered: str | None) -> Plan:
    """Return the plan with the remembered model first, if it would still be good enough."""
    found = next((each for each in plan.eligible if each.model_id == remembered), None)
    if found is None or plan.decision is None:
        return plan
    others = [each for each in plan.candidates if each.model_id != remembered]
    chain = (found, *others)[: len(plan.candidates)]
    return replace(plan, candidates=chain, decision=decide.stay(plan.decision, chain))


def remember(plan: Plan, record: Record) -> None:
    """Note who answered the conversation; nobody waits for it."""
    if record.cached or record.call.shadowed is not None:
        return
    if plan.sticky_key and record.answered_by is not None:
        redis.send("SET", plan.sticky_key, record.answered_by.model_id, "EX", str(SECONDS))
