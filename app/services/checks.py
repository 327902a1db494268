"""Whether a call passes any check between its hold and its prompt: then its request is shaped after them."""

from __future__ import annotations

from app.domain.records import Record


def needs_any(record: Record) -> bool:
    """Say whether guardrails, variables, a schema or a session concern the call."""
    caller, target = record.caller, record.target
    if caller is None or target is None:
        return False
    config = target.config
    set_here = config.guardrails or config.variables or config.input_schema or config.output_schema
    set_here = set_here or (target.endpoint_id is not None and record.call.body.get("variables"))
    return bool(caller.guardrails or caller.key_guardrails or set_here or config.session)
