"""What can go wrong at the providers, from a paused one to a stream that is cut."""

from __future__ import annotations

from typing import ClassVar

from app.domain.errors import GatewayError, NoCandidate


class ProviderPaused(GatewayError):
    """429: the provider that the caller names passed its stop threshold, for how long is not known (M10)."""

    status = 429
    code = "provider_paused"
    openai_type = "rate_limit_error"
    anthropic_type = "rate_limit_error"
    should_retry = False
    default = "This provider is paused."


class ProviderDisabled(NoCandidate):
    """503: an admin switched the provider off for the whole workspace (P25)."""

    code = "provider_disabled"
    default = "This provider is disabled in this gateway."


class ProviderDown(NoCandidate):
    """503: it failed too often in a row; `retry_after_seconds` says when the next call may try it (L21)."""

    code = "provider_down"
    default = "The provider failed too often in a row and is left alone for a moment."


class ProviderFailed(GatewayError):
    """502: every candidate was tried and failed (C5).

    `upstream_status` is what the provider answered, where it did. `passes_on`: it was the only one that the
    client named, and so its 5xx is what the client is told.
    """

    upstream_status: int = 0
    passes_on = False
    status = 502
    code = "provider_error"
    openai_type = "provider_error"
    default = "The model provider failed."
    fault: ClassVar[str] = "provider"  # whose circuit it counts for: provider | key | nobody's


class ModelWithheld(ProviderFailed):
    """The provider has the model, but not for us: nothing is wrong with the rest of what it offers."""

    fault = ""
    default = "The model provider does not offer us this model."


class CreditUsedUp(ProviderFailed):
    """The provider says 402: what was paid for this key is used up."""

    fault = "key"
    default = "The model provider answered with status 402."


class ProviderTimedOut(ProviderFailed):
    """504 (`/v1`) or 502 (`/api`): the last candidate did not answer in time (C5)."""

    status = 504
    code = "timeout_error"
    openai_type = "timeout_error"
    anthropic_type = "timeout_error"
    default = "The model provider did not answer in time."


class ProviderRefused(ProviderFailed):
    """The provider calls the request wrong (400, 413, 422 …): no failover (O41).

    `upstream_status` is what it answered. OpenAI-shaped routes pass a 4xx on; native ones say 502.
    """

    code = "provider_refused"
    openai_type = "invalid_request_error"
    anthropic_type = "invalid_request_error"
    upstream_code: str | None = None  # as clients of its dialect know it: context_length_exceeded …

    def __init__(self, message: str, *, upstream_status: int, param: str | None = None) -> None:
        super().__init__(message, param=param)
        self.upstream_status = upstream_status


class ProviderAnswered(ProviderFailed):
    """What a provider answered to a forwarded call instead of an answer: passed on as it came (C5)."""

    def __init__(self, message: str, *, upstream_status: int, headers: dict[str, str], body: bytes) -> None:
        super().__init__(message)
        self.upstream_status = upstream_status
        self.headers = headers
        self.body = body


class ProviderLimited(ProviderFailed):
    """429: the provider says so; `retry_after_seconds` is its wish, at most 60, where it made sense (L3)."""

    status = 429
    code = "provider_rate_limited"
    openai_type = "rate_limit_error"
    anthropic_type = "rate_limit_error"
    default = "The model provider limits our rate."


class CredentialRefused(ProviderFailed):
    """The provider says 401 or 403: this credential is of no use; try the next one (L20)."""

    code = "provider_credential_refused"
    default = "The model provider refused the gateway's key."

    def __init__(self, message: str = "", *, upstream_status: int = 401) -> None:
        super().__init__(message)
        self.upstream_status = upstream_status


class StreamCut(ProviderFailed):
    """The stream ended after its first byte without its proof of success (C29, fact 8)."""

    code = "stream_interrupted"
    default = "The answer was cut off before its end."


class ReportedCut(StreamCut):
    """The provider itself reported an error in its stream, and that was passed on: nothing is added."""

    default = "The model provider reported an error."


class Draining(StreamCut):
    """The gateway is shutting down; the stream ends early with an error event (1.12)."""

    status = 503
    code = "shutting_down"
    anthropic_type = "overloaded_error"
    default = "The gateway is restarting. Send the request again."

    def __init__(self, message: str = "") -> None:
        super().__init__(message, retry_after_seconds=5)
