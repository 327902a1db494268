"""Tries the candidates in order until one sends its first byte; never moves on after that (O8, O41)."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator

from app.domain.calls import Chunk, Upstream
from app.domain.errors import GatewayError
from app.domain.parameters import fit
from app.domain.provider_errors import (
    CredentialRefused,
    ProviderAnswered,
    ProviderFailed,
    ProviderLimited,
    ProviderRefused,
    ProviderTimedOut,
)
from app.domain.records import Attempt, Record
from app.domain.targets import Candidate, CredentialValue, Plan
from app.providers import adapter
from app.services import credentials

MOST_ATTEMPTS = 6
MOST_SECONDS = 240.0  # after so long no further attempt begins
NO_CREDENTIAL = CredentialValue("", "", "")


def stream(plan: Plan, record: Record) -> Generator[Chunk, None, None]:
    """Yield the answer of the first candidate that begins one; raise ProviderFailed when none does."""
    failures: list[ProviderFailed] = []
    for candidate, credential in tries(plan, failures):
        started = time.perf_counter_ns()
        record.answered_by = candidate
        try:
            chunks = begin(candidate, credential, record)
            first = next(chunks)
        except StopIteration:
            failures.append(ProviderFailed(f"{candidate.provider_name} sent an empty answer."))
        except ProviderFailed as error:
            note(record, candidate, credential, error, started)
            retire_if_refused(record, credential, error)
            stop_if_final(error, record)
            failures.append(error)
        else:
            note(record, candidate, credential, None, started)
            record.paid_elsewhere = credential.own
            yield first
            yield from chunks
            return
        record.answered_by = None
    raise verdict(failures)


def tries(plan: Plan, failures: list[ProviderFailed]) -> Iterator[tuple[Candidate, CredentialValue]]:
    """Yield what to try next; a candidate's other credentials are tried only after 401, 403 and 429."""
    left, until = MOST_ATTEMPTS, time.monotonic() + MOST_SECONDS
    for candidate in plan.candidates:
        for credential in candidate.credentials or (NO_CREDENTIAL,):
            if left == 0 or time.monotonic() > until:
                return
            left -= 1
            yield candidate, credential
            if not isinstance(failures[-1], CredentialRefused | ProviderLimited):
                break


def begin(candidate: Candidate, credential: CredentialValue, record: Record) -> Iterator[Chunk]:
    """Open the answer of one candidate with one credential."""
    upstream = Upstream(
        provider_slug=candidate.provider_slug,
        dialect=candidate.dialect,
        base_url=candidate.base_url,
        model=candidate.model,
        secret=credential.secret,
        timeout_total_seconds=record.seconds_left,
    )
    most_output = record.hold.most_output if record.hold else None
    body = fit(record.request, candidate.facts, most_output)
    return adapter(candidate.dialect).chat(upstream, body, record.streamed, record.call.cancellation)


def note(
    record: Record,
    candidate: Candidate,
    credential: CredentialValue,
    error: GatewayError | None,
    started: int,
) -> None:
    """Add the attempt to the record."""
    record.attempts.append(
        Attempt(
            model_id=candidate.model_id,
            provider=candidate.provider_slug,
            credential=credential.name,
            status="answered" if error is None else status_of(error),
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
    if isinstance(error, CredentialRefused) and record.target is not None:
        credentials.retire(record.target.workspace_id, credential.id, error.upstream_status)


def stop_if_final(error: ProviderFailed, record: Record) -> None:
    """Raise when trying on is pointless: the request itself is wrong, or nobody waits any more."""
    if isinstance(error, ProviderRefused) or record.call.cancellation.reason is not None:
        if isinstance(error, ProviderRefused):
            record.answered_by = None
        raise error


def verdict(failures: list[ProviderFailed]) -> ProviderFailed:
    """Return the error for the client once everybody has failed."""
    last = failures[-1]
    if len(failures) == 1:
        return last
    text = f"All {len(failures)} attempts failed. The last one: {last.message}"
    if all(isinstance(failure, ProviderTimedOut) for failure in failures):
        return ProviderTimedOut(text)
    return ProviderFailed(text, retry_after_seconds=last.retry_after_seconds)
