"""The most that a call can use, known before anybody is asked."""

from __future__ import annotations

from dataclasses import replace

from app.domain import healing
from app.domain.bodies import encoded
from app.domain.bounds import Bound, bound_of, larger
from app.domain.messages.native import own_body
from app.domain.plugin_bounds import sent_now, widened
from app.domain.records import Record
from app.services import guardrail_bounds, repairs


def bound_for(record: Record) -> Bound:
    """Return the upper bounds of what is about to be sent."""
    target = record.target
    assert target is not None
    request = sent_now(record.plugins, record.request) if record.plugins else record.request
    bound = bound_of(request, target.operation, target.history_tokens)
    if record.call.dialect == "anthropic" and not record.plugins:  # the body may go out as it came
        bound = larger(bound, bound_of(own_body(record.call.body), "messages"))
    bound = with_repair(bound, record)
    bound = widened(bound, record.plugins) if record.plugins else bound
    return guardrail_bounds.widened(bound, record)


def with_repair(bound: Bound, record: Record) -> Bound:
    """Return the bound with room for one further call, where the answer is promised to fit a schema (P17)."""
    schema = record.target.config.output_schema if record.target else None
    if schema is None or healing.mode_of(record.call.body) != "repair":
        return bound
    return replace(bound, repair_tokens=len(encoded(schema)) + repairs.WORDS_BYTES)


def may_shorten(record: Record, bound: Bound) -> bool:
    """Say whether the longest answer is ours to set: the client set none, and the body may be changed."""
    return bound.output_tokens is None and not record.forwards
