"""Whom a call tries next: past open circuits, within its attempts and its time, and never in a storm.

A call to a model by its name makes three attempts (A14, L18), an endpoint's chain is tried to its end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from app.domain.circuit_words import pause_words
from app.domain.errors import GatewayError
from app.domain.provider_errors import (
    CredentialRefused,
    ProviderAnswered,
    ProviderDown,
    ProviderFailed,
    ProviderLimited,
    ProviderTimedOut,
)
from app.domain.record_parts import Attempt
from app.domain.records import Record
from app.domain.targets import Candidate, CredentialValue, Plan
from app.providers.failures import retry_after
from app.services.health import health

MOST_OF_A_CHAIN = 6  # a model and five to fall back on, or their keys
MOST_OF_A_MODEL = 3
MODEL_SECONDS = 8.0  # after so long a second attempt may begin, but no third
MOST_SECONDS = 240.0  # after so long no further attempt begins
NO_CREDENTIAL = CredentialValue("", "", "")
STORM = "not tried: too many further attempts failed there lately"


def tries(
    plan: Plan, record: Record, failures: list[ProviderFailed]
) -> Iterator[tuple[Candidate, CredentialValue]]:
    """Yield what to try next; a candidate's other credentials are tried only after 401, 403 and 429.

    Raises ProviderDown when all of them are left alone for now, so that nobody was tried at all (L21).
    """
    hops = Hops(record)
    for candidate in health.warm_first(plan.candidates):
        if hops.are_over():
            return
        if hops.must_skip(candidate, candidate.provider_id):
            continue
        for credential in candidate.credentials or (NO_CREDENTIAL,):
            if hops.are_over() or not hops.may_add(candidate):
                break
            if hops.must_skip(candidate, credential.id, credential.name):
                continue
            hops.tried += 1
            yield candidate, credential
            if not isinstance(failures[-1], CredentialRefused | ProviderLimited):
                break
    if not hops.tried:
        raise hops.nobody()


class Hops:
    """The attempts of one call so far."""

    def __init__(self, record: Record) -> None:
        self.tried = 0
        self._record = record
        self._began = time.monotonic()
        self._waits: list[float] = []

    def are_over(self) -> bool:
        """Say whether no further attempt may begin."""
        if not self.tried:  # nothing has taken time yet
            return False
        target, passed = self._record.target, time.monotonic() - self._began
        is_chain = target is None or target.endpoint_id is not None
        if self.tried >= (MOST_OF_A_CHAIN if is_chain else MOST_OF_A_MODEL) or passed > MOST_SECONDS:
            return True
        return not is_chain and self.tried >= 2 and passed > MODEL_SECONDS

    def must_skip(self, candidate: Candidate, circuit_id: str, credential: str = "") -> bool:
        """Say whether a provider or one of its keys is left alone for now, and note that."""
        if not health.circuits or not (wait := health.wait_for(circuit_id)):
            return False
        self._waits.append(wait)
        skip(self._record, candidate, credential, pause_words(health.circuit(circuit_id), wait))
        return True

    def may_add(self, candidate: Candidate) -> bool:
        """Say whether one more attempt may go to the candidate's provider; the first one always may."""
        if not self.tried:
            health.began(candidate.provider_id)
            return True
        if health.may_retry(candidate.provider_id):
            return True
        skip(self._record, candidate, "", STORM)
        return False

    def nobody(self) -> ProviderDown:
        """Return the error for when everybody is left alone."""
        wait = whole_seconds(min(self._waits, default=1.0))
        names = ", ".join(dict.fromkeys(attempt.model_id for attempt in self._record.attempts))
        text = f"Nobody can answer right now: {names} failed too often. The next try is in {wait} s."
        return ProviderDown(text, retry_after_seconds=wait)


def skip(record: Record, candidate: Candidate, credential: str, reason: str) -> None:
    """Note that a candidate was left out, and why."""
    record.attempts.append(
        Attempt(candidate.model_id, candidate.provider_slug, credential, "skipped", reason, 0)
    )


def check_named(record: Record, candidate: Candidate) -> None:
    """Raise ProviderDown when the provider that the call names is left alone for now (C4)."""
    if not health.circuits or not (wait := health.wait_for(candidate.provider_id)):
        return
    words = pause_words(health.circuit(candidate.provider_id), wait)
    skip(record, candidate, "", words)
    text = f"Provider '{candidate.provider_slug}' is {words}."
    raise ProviderDown(text, retry_after_seconds=whole_seconds(wait))


def in_order(candidate: Candidate) -> tuple[CredentialValue, ...]:
    """Return the keys of a provider that is called by its name; those left alone for now come last."""
    if not health.circuits:
        return candidate.credentials
    return tuple(sorted(candidate.credentials, key=lambda item: health.is_left_alone(item.id)))


def whole_seconds(seconds: float) -> int:
    """Return seconds for a Retry-After: whole, at least 1."""
    return max(1, math.ceil(seconds))


def report(
    record: Record,
    candidate: Candidate,
    credential: CredentialValue,
    error: GatewayError | None,
    status: str,
) -> None:
    """Tell the circuits how an attempt ended; one that nobody waited for tells nothing."""
    if record.call.shadowed is not None:
        return
    if error is None:
        health.answered(candidate, credential, further=bool(record.attempts) and has_failed(record))
        return
    if record.call.cancellation.reason is not None or record.target is None:
        return
    workspace_id = record.target.workspace_id
    fault = error.fault if isinstance(error, ProviderFailed) else ""
    health.failed(workspace_id, candidate, credential, status, fault)
    if status == "limited" and (seconds := asked_seconds(error)):
        health.limited(workspace_id, candidate, credential, seconds)


def has_failed(record: Record) -> bool:
    """Say whether an attempt of the call failed before."""
    return any(attempt.status != "skipped" for attempt in record.attempts)


def asked_seconds(error: GatewayError) -> int | None:
    """Return for how long a provider asks to be left alone, where it says so."""
    if isinstance(error, ProviderAnswered):
        headers = {name.lower(): value for name, value in error.headers.items()}
        return retry_after(headers, time.time())
    return error.retry_after_seconds


def verdict(failures: list[ProviderFailed]) -> ProviderFailed:
    """Return the error for the client once everybody has failed: of several attempts no SDK adds more."""
    last = failures[-1]
    if len(failures) == 1:
        return last
    text = f"All {len(failures)} attempts failed. The last one: {last.message}"
    waits = [error.retry_after_seconds for error in failures if error.retry_after_seconds is not None]
    error = kind_of(failures)(text, retry_after_seconds=min(waits, default=None))
    error.should_retry = False
    return error


def kind_of(failures: list[ProviderFailed]) -> type[ProviderFailed]:
    """Return how to call several failures: by what they have in common."""
    kinds = (ProviderTimedOut, ProviderLimited)
    return next(
        (kind for kind in kinds if all(isinstance(error, kind) for error in failures)), ProviderFailed
    )
