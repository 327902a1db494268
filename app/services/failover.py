"""Tries the candidates in order until one sends its first byte; never moves on after that (O8, O41)."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from typing import Any

from app.domain import embeddings
from app.domain.calls import Chunk
from app.domain.errors import GatewayError
from app.domain.forwarding import sent_headers
from app.domain.messages.native import own_body
from app.domain.parameters import fit
from app.domain.prompts import adds_something
from app.domain.provider_errors import (
    CredentialRefused,
    ProviderAnswered,
    ProviderFailed,
    ProviderLimited,
    ProviderRefused,
    ProviderTimedOut,
)
from app.domain.record_parts import Attempt
from app.domain.records import Record
from app.domain.targets import Candidate, CredentialValue, Plan
from app.providers import adapter
from app.services import credentials, own_keys
from app.services.tries import report, tries, verdict

NATIVE_HEADERS = ("anthropic-version", "anthropic-beta")


def stream(plan: Plan, record: Record) -> Generator[Chunk, None, None]:
    """Yield the answer of the first candidate that begins one; raise ProviderFailed when none does."""
    failures: list[ProviderFailed] = []
    for candidate, credential in tries(plan, record, failures):
        started = time.perf_counter_ns()
        record.answered_by, record.paid_elsewhere = candidate, credential.own
        try:
            chunks = begin(candidate, credential, record)
            first = next(chunks)
        except StopIteration:
            failures.append(ProviderFailed(f"{candidate.provider_name} sent an empty answer."))
        except ProviderFailed as error:
            note(record, candidate, credential, error, started)
            retire_if_refused(record, credential, error)
            refuse_own_key(record, candidate, credential, error)
            stop_if_final(error, record)
            failures.append(error)
        else:
            note(record, candidate, credential, None, started)
            record.warnings += record.changed
            yield first
            del first  # a slow answer would keep it
            yield from chunks
            return
        record.answered_by = None
    final = verdict(failures)
    final.passes_on = record.call.names_model and len(failures) == 1
    raise final


def begin(candidate: Candidate, credential: CredentialValue, record: Record) -> Iterator[Chunk]:
    """Open the answer of one candidate with one credential."""
    upstream = candidate.upstream(credential, record.seconds_left, **own_words(candidate, record))
    if is_embedding(record):
        fitted = embeddings.fit(record.request, candidate)
        record.changed = fitted.changed
        return adapter(candidate.dialect).embed(upstream, fitted.body, record.call.cancellation)
    most_output = record.hold.most_output if record.hold else None
    fitted = fit(record.request, candidate, most_output)
    if upstream.native_body is not None:
        fitted.changed.clear()
    if record.call.wants_stream and not record.streamed:
        fitted.say("stream is switched off here, so the answer comes in one piece")
    record.changed = fitted.changed
    return adapter(candidate.dialect).chat(upstream, fitted.body, record.streamed, record.call.cancellation)


def is_embedding(record: Record) -> bool:
    """Say whether embeddings are asked for."""
    return record.target is not None and record.target.operation == embeddings.OPERATION


def own_words(candidate: Candidate, record: Record) -> dict[str, Any]:
    """Return the client's own body for a provider of its dialect, as long as nothing of ours goes into it."""
    call, target = record.call, record.target
    is_own = call.dialect == candidate.dialect == "anthropic" and not record.touched
    if not is_own or target is None or adds_something(target.config):
        return {}
    headers = sent_headers(call.headers, record.streamed)
    kept = {name: headers[name] for name in NATIVE_HEADERS if name in headers}
    return {"native_body": own_body(call.body), "native_headers": kept}


def note(
    record: Record,
    candidate: Candidate,
    credential: CredentialValue,
    error: GatewayError | None,
    started: int,
) -> None:
    """Add the attempt to the record, and tell the circuits how it ended."""
    status = "answered" if error is None else status_of(error)
    report(record, candidate, credential, error, status)
    record.attempts.append(
        Attempt(
            model_id=candidate.model_id,
            provider=candidate.provider_slug,
            credential=credential.name,
            status=status,
            reason="" if error is None else error.message,
            milliseconds=(time.perf_counter_ns() - started) // 1_000_000,
        )
    )


def status_of(error: GatewayError) -> str:
    """Return the one word for a failed attempt."""
    if isinstance(error, ProviderAnswered):
        return {429: "limited", 408: "timed_out"}.get(error.upstream_status) or (
            "refused" if 400 <= error.upstream_status < 500 else "failed"
        )
    words: tuple[tuple[type[GatewayError], str], ...] = (
        (ProviderTimedOut, "timed_out"),
        (ProviderLimited, "limited"),
        (CredentialRefused, "key_refused"),
        (ProviderRefused, "refused"),
    )
    return next((word for kind, word in words if isinstance(error, kind)), "failed")


def retire_if_refused(record: Record, credential: CredentialValue, error: ProviderFailed) -> None:
    """Switch off a credential that the provider does not take; the call goes on with the next (L20)."""
    if record.target is None or record.call.shadowed is not None or credential.own:
        return
    if isinstance(error, CredentialRefused):
        credentials.retire(record.target.workspace_id, credential.id, error.upstream_status)


def refuse_own_key(
    record: Record, candidate: Candidate, credential: CredentialValue, error: ProviderFailed
) -> None:
    """Raise OwnKeyRefused where the customer's own key was refused and ours may not follow (C26)."""
    if isinstance(error, CredentialRefused) and credential.own:
        record.answered_by = None
        own_keys.check_refusal(candidate, credential)


def stop_if_final(error: ProviderFailed, record: Record) -> None:
    """Raise when trying on is pointless: the request itself is wrong, or nobody waits any more."""
    if isinstance(error, ProviderRefused) or record.call.cancellation.reason is not None:
        if isinstance(error, ProviderRefused):
            record.answered_by = None
        raise error
