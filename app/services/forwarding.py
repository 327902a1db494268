"""Passes a call on to the provider it names and its answer back; no other provider is ever tried (M1-M5)."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from typing import Any

from app.domain.calls import Chunk
from app.domain.errors import NoCandidate
from app.domain.forwarding import Request, request_of, route_of
from app.domain.provider_errors import CredentialRefused, ProviderFailed
from app.domain.raw_answers import messages_of
from app.domain.records import Record
from app.domain.targets import Candidate, CredentialValue, Plan
from app.providers import forwarder
from app.services.failover import note, refuse_own_key, retire_if_refused
from app.services.tries import NO_CREDENTIAL, check_named, in_order


def messages(record: Record) -> list[dict[str, Any]]:
    """Return the texts of the body as messages: for counting, and for keeping where that is asked for."""
    assert record.target is not None
    return messages_of(record.target.operation, record.call.body)


def stream(plan: Plan, record: Record) -> Generator[Chunk, None, None]:
    """Yield the provider's answer; a credential that it refuses is retired, the next one tried."""
    candidate = plan.candidates[0]
    check_named(record, candidate)
    request = request_to(candidate, record)
    for credential in in_order(candidate) or (NO_CREDENTIAL,):
        started = time.perf_counter_ns()
        record.answered_by, record.paid_elsewhere = candidate, credential.own
        try:
            first, chunks = begin(candidate, credential, request, record)
        except CredentialRefused as error:
            note(record, candidate, credential, error, started)
            retire_if_refused(record, credential, error)
            refuse_own_key(record, candidate, credential, error)
        except ProviderFailed as error:
            note(record, candidate, credential, error, started)
            if record.call.cancellation.reason is None:
                record.answered_by = None
            raise
        else:
            note(record, candidate, credential, None, started)
            yield first
            del first  # a slow answer would keep it
            yield from chunks
            return
    record.answered_by = None
    raise NoCandidate


def begin(
    candidate: Candidate, credential: CredentialValue, request: Request, record: Record
) -> tuple[Chunk, Iterator[Chunk]]:
    """Send the request with one credential; return the first chunk and the rest."""
    upstream = candidate.upstream(credential, record.seconds_left)
    answer = forwarder(candidate.dialect)(upstream, request, record.call.cancellation)
    record.streamed, record.answer_headers = answer.streamed, answer.headers
    return next(answer.chunks), answer.chunks


def request_to(candidate: Candidate, record: Record) -> Request:
    """Return what to send."""
    route = route_of(record.call.path.partition("/")[2], candidate.dialect)
    assert route is not None
    return request_of(record.call, route)
