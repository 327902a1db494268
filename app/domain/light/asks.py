"""The body of POST /runtime/light/advice (K20)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.domain.bodies import encoded
from app.domain.light.fields import Fields, read_context, read_model, read_provider, refused
from app.domain.light.tiers import TIERS
from app.domain.light.told import Told
from app.domain.policies.contexts import Context

MOST_TOKENS = 100_000_000
MOST_TEMPERATURE = 2.0
LONGEST_LOOKUP = 1_000


def read(body: Mapping[str, Any], sent_id: str | None) -> tuple[Context, Told]:
    """Return for whom advice is asked, and of what; raise InvalidRequest naming the field that is wrong."""
    fields = Fields(body)
    context = read_context(fields, sent_id)
    told = read_told(fields)
    told = replace(
        told,
        output_tokens=fields.whole("maxOutputTokens", MOST_TOKENS, 1),
        temperature=fields.number("temperature", MOST_TEMPERATURE),
        streaming=fields.flag("stream"),
        cache_lookup=cache_lookup(fields),
        includes_prompt=fields.flag("includePrompt"),
    )
    return context, replace(told, unknown=fields.unknown())


def read_told(fields: Fields) -> Told:
    """Return what both bodies of light mode say of a request."""
    provider = read_provider(fields, "requestedProvider")
    return Told(
        model=read_model(fields, "requestedModel", provider),
        provider=provider,
        tier=fields.word("requestedCapabilityTier", tuple(tier.upper() for tier in TIERS)).lower(),
        task_type=fields.text("taskType", 64).lower(),
        input_tokens=fields.whole("inputTokens", MOST_TOKENS),
        prompt_version=fields.text("promptVersion", 100),
    )


def cache_lookup(fields: Fields) -> Any:
    """Return what the client says of its own cache: whatever it is, it is only handed back."""
    value = fields.take("cacheLookup")
    if value is not None and len(encoded(value)) > LONGEST_LOOKUP:
        raise refused("cacheLookup", f"at most {LONGEST_LOOKUP} bytes of JSON")
    return value
