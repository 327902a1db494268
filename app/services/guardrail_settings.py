"""The guardrails that hold for a call: merged from its levels, compiled once, remembered by what they say."""

from __future__ import annotations

import orjson

from app.domain.callers import Caller
from app.domain.guardrails.levels import effective
from app.domain.guardrails.settings import Settings


def of_key(caller: Caller) -> Settings:
    """Return what holds for a caller wherever it calls, beside what endpoints say."""
    return merged(caller, {})


def merged(caller: Caller, endpoint: Settings) -> Settings:
    """Return what the levels say together (C25)."""
    above, keys = (
        [orjson.loads(raw) for raw in layers] for layers in (caller.guardrails, caller.key_guardrails)
    )
    return effective([*above, endpoint, *keys[:1]], keys[1:])
