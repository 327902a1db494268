"""Whether a call passes any check between its hold and its prompt: then its request is shaped after them."""

from __future__ import annotations

from app.domain.records import Record
from app.services import guardrail_settings


def needs_any(record: Record) -> bool:
    """Say whether guardrails, variables, a schema or a session concern the call."""
    target = record.target
    if target is None:
        return False
    config = target.config
    if config.variables or config.input_schema or config.output_schema or config.session:
        return True
    if target.endpoint_id is not None and record.call.body.get("variables"):
        return True
    return guardrail_settings.of(record) is not None
