"""Says how many tokens a request would be, for free: the provider's own count where it has one, else ours."""

from __future__ import annotations

import time
from collections.abc import Generator

import orjson

from app.domain.bodies import encoded
from app.domain.calls import Chunk, Usage
from app.domain.forwarding import CHAT, COUNT_TOKENS, Request, Route, sent_headers
from app.domain.provider_errors import CredentialRefused, ProviderAnswered, ProviderFailed
from app.domain.raw_answers import messages_of
from app.domain.records import Record
from app.domain.targets import Candidate, CredentialValue, Plan
from app.domain.tokens import estimate_messages, estimate_tokens
from app.providers import forwarder
from app.services.failover import note, own_words, retire_if_refused

OPERATION = COUNT_TOKENS
ROUTE = Route(COUNT_TOKENS, "messages/count_tokens")
SECONDS = 20.0


def stream(plan: Plan, record: Record) -> Generator[Chunk, None, None]:
    """Yield the count as the one chunk of the answer."""
    candidate = record.answered_by = plan.candidates[0]
    found = asked(candidate, record)
    count = counted(record) if found is None else found
    record.answered_by = candidate
    yield Chunk({"input_tokens": count}, Usage())


def asked(candidate: Candidate, record: Record) -> int | None:
    """Return the provider's own count; None where it has none, or cannot give it now.

    Raises what it answers to a request that it calls wrong.
    """
    body = own_words(candidate, record).get("native_body")
    if body is None:
        return None
    headers = sent_headers(record.call.headers, False) | {"content-type": "application/json"}
    request = Request(ROUTE, "", headers, encoded({**body, "model": candidate.model}))
    for credential in candidate.credentials:
        started = time.perf_counter_ns()
        try:
            count = ask(candidate, credential, request, record)
        except ProviderFailed as error:
            note(record, candidate, credential, error, started)
            retire_if_refused(record, credential, error)
            if is_final(error, record):
                raise
            if not isinstance(error, CredentialRefused):
                return None
        else:
            note(record, candidate, credential, None, started)
            return count
    return None


def ask(candidate: Candidate, credential: CredentialValue, request: Request, record: Record) -> int | None:
    """Ask with one credential."""
    upstream = candidate.upstream(credential, SECONDS, timeout_first_byte_seconds=SECONDS)
    answer = forwarder(candidate.dialect)(upstream, request, record.call.cancellation)
    told = orjson.loads(b"".join(chunk.raw for chunk in answer.chunks))
    count = told.get("input_tokens") if isinstance(told, dict) else None
    return count if type(count) is int else None


def is_final(error: ProviderFailed, record: Record) -> bool:
    """Say whether the request itself is wrong, or nobody waits any more."""
    is_wrong = isinstance(error, ProviderAnswered) and error.upstream_status in (400, 404, 413)
    return is_wrong or record.call.cancellation.reason is not None


def counted(record: Record) -> int:
    """Count the request's text ourselves; pictures and files are not counted."""
    tools = record.request.get("tools")
    told = estimate_tokens(encoded(tools).decode()) if tools else 0
    return estimate_messages(messages_of(CHAT, record.request)) + told
