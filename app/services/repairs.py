"""Asks a model to mend the JSON of its own answer: one paid call, within what is held for the first."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from app.domain.bodies import encoded
from app.domain.bounds import bound_of, output_limit
from app.domain.calls import Chunk, Usage
from app.domain.chat import choices_of
from app.domain.holds import cost_at_worst, model_limit, overage_nano_usd
from app.domain.parameters import fit
from app.domain.pricing import cost_nano_usd
from app.domain.provider_errors import ProviderFailed
from app.domain.record_parts import Extra
from app.domain.records import Record
from app.domain.targets import Candidate, CredentialValue
from app.domain.tokens import estimate_messages, estimate_tokens
from app.providers import adapter
from app.services.tries import NO_CREDENTIAL

ORDER = (
    "You mend JSON. You get an answer that should have been JSON, and what is wrong with it. "
    "Return the corrected JSON alone: no explanation, no code fence. Keep every value as it is."
)
SPARE_TOKENS = 256
WORDS_BYTES = 1_200  # what stands around schema and answer, and the complaint
Json = dict[str, Any]


class NotAsked(Exception):
    """The model was not asked again, or did not answer; the text says why."""


def ask(record: Record, asked: Mapping[str, Any], text: str, complaint: str, answer: Chunk) -> str:
    """Return the model's second try, booked on the record as an extra; raise NotAsked."""
    candidate = record.answered_by
    assert candidate is not None
    body = request_for(asked, text, complaint)
    body["max_tokens"] = longest(record, candidate, text)
    if not is_covered(record, candidate, body, answer.usage):
        raise NotAsked("asking the model again could cost more than is held for the call")
    try:
        chunk = answer_of(candidate, credential_of(record, candidate), body, record)
    except (ProviderFailed, StopIteration):
        raise NotAsked("the model could not be asked again") from None
    content = content_of(chunk)
    book(record, usage_of(chunk, body, content))
    return content


def request_for(asked: Mapping[str, Any], text: str, complaint: str) -> Json:
    """Return the question, without temperature of chance."""
    schema = asked.get("json_schema")
    wanted = f"\n\nThe JSON Schema:\n{encoded(schema).decode()}" if schema else ""
    question = f"What is wrong: {complaint}{wanted}\n\nThe answer:\n{text}"
    messages = [{"role": "system", "content": ORDER}, {"role": "user", "content": question}]
    return {"messages": messages, "temperature": 0, "response_format": dict(asked)}


def longest(record: Record, candidate: Candidate, text: str) -> int:
    """Return how long the second try may be: about as the first, and no longer than the client allows."""
    limits = [2 * estimate_tokens(text) + SPARE_TOKENS, model_limit(candidate)]
    own = output_limit(record.request, "chat")
    held = record.hold.most_output if record.hold else None
    return min([*limits, *(limit for limit in (own, held) if limit is not None)])


def is_covered(record: Record, candidate: Candidate, body: Json, used: Usage | None) -> bool:
    """Say whether the worst case of the second try fits into what the first one left of its hold."""
    hold, caller = record.hold, record.caller
    if caller is None:
        return False
    bound = bound_of(body)
    most = Usage(bound.input_tokens, body["max_tokens"])
    worst = 0 if record.paid_elsewhere else cost_at_worst(candidate, most, caller.rate_multiplier_ppm)
    if used is None or not used.output_tokens:
        return hold is None
    spent = 0 if record.paid_elsewhere else (record.cost_of(used) or 0)
    spent += sum(extra.nano_usd for extra in record.extras)
    cap = caller.rules.max_cost_nano_usd_per_request
    if cap is not None and spent + worst > cap:
        return False
    if hold is None:
        return True
    tokens = used.input_tokens + used.output_tokens + record.extra_tokens
    tokens += most.input_tokens + most.output_tokens
    total = spent + worst + overage_nano_usd(tokens, hold.terms)
    return total <= hold.nano_usd and tokens <= hold.tokens


def credential_of(record: Record, candidate: Candidate) -> CredentialValue:
    """Return the secret with which the first answer came."""
    name = record.attempts[-1].credential if record.attempts else ""
    same = (name, record.paid_elsewhere)
    found = (each for each in candidate.credentials if (each.name, each.own) == same)
    return next(found, NO_CREDENTIAL)


def answer_of(candidate: Candidate, credential: CredentialValue, body: Json, record: Record) -> Chunk:
    """Return the whole answer of one further request."""
    upstream = candidate.upstream(credential, record.seconds_left)
    sent = fit(body, candidate).body
    chunks = adapter(candidate.dialect).chat(upstream, sent, False, record.call.cancellation)
    with closing(chunks):  # type: ignore[type-var]
        return next(chunk for chunk in chunks if chunk.data is not None)


def content_of(chunk: Chunk) -> str:
    """Return the answer's text, empty when it has none."""
    for choice in choices_of(chunk.data or {}):
        message = choice.get("message")
        content = message.get("content") if isinstance(message, dict) else None
        return content if isinstance(content, str) else ""
    return ""


def usage_of(chunk: Chunk, body: Json, content: str) -> Usage:
    """Return what the second try used; counted by us where the provider does not say."""
    if chunk.usage is not None and (chunk.usage.output_tokens or not content):
        return chunk.usage
    return Usage(estimate_messages(body["messages"]), estimate_tokens(content), estimated=True)


def book(record: Record, usage: Usage) -> None:
    """Add the second try to what the call costs."""
    price = record.price_for(usage)
    cost = 0 if record.paid_elsewhere else (record.cost_of(usage) or 0)
    provider_cost = cost_nano_usd(usage, price) if price else 0
    record.extras.append(Extra("repair", "JSON repair", usage, cost, provider_cost))
