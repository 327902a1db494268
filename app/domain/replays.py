"""Earlier requests, asked again: what of a call is kept for that, and how it is sent once more (P32)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.endpoint_errors import GuardrailBlocked
from app.domain.examples import BODY_FIELDS
from app.domain.records import Record

Json = dict[str, Any]
NAME = "asked"
LEFT_OUT = frozenset({"model", "stream", "stream_options", "session_id", "endpoint"})


def kept(record: Record) -> Json | None:
    """Return what the client asked, as guardrails left it; None for what cannot be asked again.

    Messages that went out as they came are not kept twice.
    """
    call, target = record.call, record.target
    if target is None or target.forwards or target.operation != "chat":
        return None
    if isinstance(record.error, GuardrailBlocked) or not record.messages:
        return None
    if call.dialect == "native":
        return {"dialect": "native", "body": {n: call.body[n] for n in sorted(BODY_FIELDS) if n in call.body}}
    body = call.chat or call.body
    asked = {name: value for name, value in body.items() if name not in LEFT_OUT}
    if asked.get("messages") is record.messages:
        del asked["messages"]
    return {"dialect": "openai", "body": asked}


def asked_of(content: Mapping[str, Any]) -> tuple[str, Json] | None:
    """Return the dialect and the body of a kept request; None when it cannot be asked again."""
    asked = content.get(NAME)
    if not asked:
        return None
    body = dict(asked["body"])
    if not {"message", "messages", "variables"} & body.keys():
        body["messages"] = content["messages"]
    return asked["dialect"], body


def as_example(content: Mapping[str, Any]) -> Json | None:
    """Return a kept request as an example is written; None when it cannot be asked again."""
    asked = asked_of(content)
    return {name: asked[1][name] for name in sorted(BODY_FIELDS) if name in asked[1]} if asked else None
