"""A call's whole journey, in order. This is the file to read first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.domain import bodies, prompts
from app.domain.calls import Call, Chunk
from app.domain.errors import GatewayError, NoCandidate
from app.domain.records import Record
from app.domain.targets import Plan, Target
from app.services import admission, callers, failover, records, routing, targets


@dataclass(frozen=True, slots=True)
class Head:
    """Comes before the first chunk: the answer has begun. `streamed`: chunks follow as they arrive."""

    streamed: bool
    record: Record


def run(call: Call) -> Iterator[Head | Chunk]:
    """Carry one call through every step, in order; the first step that objects raises GatewayError.

    Yields one Head once the provider's answer has begun, then its chunks: one for a buffered answer.
    Whatever happens, what became of the call is settled and recorded.
    """
    record = Record(call)
    try:
        target, plan = enter(call, record)  #                      auth, target, plan, admission
        record.begin("prompt")
        record.streamed = call.wants_stream and target.config.streaming_enabled
        request = prompts.request_for(target.config, call)  #      prompt apply
        record.messages = request["messages"]
        record.begin("upstream")
        chunks = failover.stream(plan, request, record)  #         provider call, with failover
        first = next(chunks)
        record.begin("stream")
        yield Head(record.streamed, record)
        record.watch(first)
        yield first
        for chunk in chunks:
            record.watch(chunk)
            yield chunk
        record.succeed()
    except GatewayError as error:
        record.fail(error)
        raise
    except GeneratorExit:
        record.leave()
        raise
    finally:
        record.begin("")
        record.settle()  #                                         price what was used
        records.write(record)  #                                   log


def enter(call: Call, record: Record) -> tuple[Target, Plan]:
    """Let the call in: from cached rows, and once more from the database when those turn out stale."""
    try:
        target, plan, admitted = attempt_entry(call, record, fresh=False)
    except NoCandidate:
        if record.caller is None or admission.admit(record.caller):
            raise
        admitted = False
    if not admitted:
        target, plan, _ = attempt_entry(call, record, fresh=True)
    return target, plan


def attempt_entry(call: Call, record: Record, *, fresh: bool) -> tuple[Target, Plan, bool]:
    """Authenticate, parse, find the target, plan, and ask Redis once whether all that still holds."""
    record.begin("auth")
    record.caller = callers.identify(call, fresh=fresh)
    record.caller = caller = callers.check(record.caller, call, scope="chat")
    if not fresh:
        record.begin("parse")
        call.body = bodies.parse_object(call.read_body())
    record.begin("target")
    record.target = target = targets.find(caller, call, fresh=fresh)
    plan = routing.plan(target)
    record.begin("admission")
    return target, plan, admission.admit(caller)
