"""Every way a call can be refused, in pipeline order; each error knows its status and its code."""

from __future__ import annotations

from typing import ClassVar

from app.domain.decisions import Decision
from app.domain.rollouts import Arm


class GatewayError(Exception):
    """A refusal with a public text. `message` is shown to the caller: no secret, no prompt text.

    `decision`: how it came that nobody was left to answer, for the receipt. `arm`: whose side of a rollout
    left nobody.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    openai_type: ClassVar[str] = "api_error"
    anthropic_type: ClassVar[str] = "api_error"
    default: ClassVar[str] = "Something went wrong on our side."
    decision: Decision | None = None
    arm: Arm | None = None
    should_retry: bool | None = None  # False: tell SDKs by x-should-retry that it is no use
    cost_nano_usd: int | None = 0  # what the call cost all the same; None: not known

    def __init__(
        self,
        message: str = "",
        *,
        param: str | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        self.message = message or self.default
        self.param = param
        self.retry_after_seconds = retry_after_seconds
        super().__init__(self.message)


class InvalidRequest(GatewayError):
    """400: the request cannot be read, or breaks the route's shape."""

    status = 400
    code = "invalid_request"
    openai_type = "invalid_request_error"
    anthropic_type = "invalid_request_error"
    default = "The request could not be read."


class BodyTooLarge(InvalidRequest):
    """413: the request body passes the size limit."""

    status = 413
    code = "request_too_large"
    anthropic_type = "request_too_large"
    default = "The request body is too large."


class BodyTooSlow(InvalidRequest):
    """408: the body did not arrive in time."""

    status = 408
    code = "request_timeout"
    default = "The request body took too long to arrive."


class UnsupportedEncoding(InvalidRequest):
    """415: the body is compressed or not UTF-8."""

    status = 415
    code = "unsupported_encoding"
    default = "Send the body as plain UTF-8 JSON, without Content-Encoding."


class NotAuthenticated(GatewayError):
    """401: no key, a malformed key, or one that is unknown, expired or revoked (P18)."""

    status = 401
    code = "invalid_api_key"
    openai_type = "authentication_error"
    anthropic_type = "authentication_error"
    default = "Invalid or revoked token."


class NotAllowed(GatewayError):
    """403: the key is real, but not for this (project, scope, role)."""

    status = 403
    code = "forbidden"
    openai_type = "permission_error"
    anthropic_type = "permission_error"
    default = "You may not do this."


class ScopeExceeded(NotAllowed):
    """403: more than the key may use, or may hand on to a key that it makes (A19, O23)."""

    code = "scope_exceeded"


class OwnKeyRefused(InvalidRequest):
    """400: a provider does not take the customer's own key, and ours is not used in its place (C26)."""

    code = "own_key_refused"
    should_retry = False


class WrongSurface(InvalidRequest):
    """400: the project does not offer this family of routes (C20)."""

    code = "wrong_project_type"
    default = "This project does not offer this kind of route."


class NotFound(GatewayError):
    """404: unknown, inactive, or another tenant's."""

    status = 404
    code = "not_found"
    openai_type = "invalid_request_error"
    anthropic_type = "not_found_error"
    default = "There is nothing here."


class ModelNotFound(NotFound):
    """404: no model of this name can be reached with this key (A16, C6)."""

    code = "model_not_found"
    default = "There is no such model."


class NoModelsAvailable(InvalidRequest):
    """400: every model that could have answered was excluded; the text says by what (O46, R17)."""

    code = "no_models_available"
    default = "No model is left that fits what was asked for."


class InvalidInput(GatewayError):
    """422: readable, but a field breaks its rule; `param` names the field."""

    status = 422
    code = "invalid_input"
    openai_type = "invalid_request_error"
    anthropic_type = "invalid_request_error"
    default = "A field is not right."


class InvalidFields(InvalidInput):
    """422: several fields break their rules; `errors` maps each field to its text."""

    def __init__(self, errors: dict[str, str]) -> None:
        self.errors = errors
        name, text = next(iter(errors.items()))
        super().__init__(f"{name}: {text}" if name else text, param=name or None)


class PluginNotAvailable(InvalidRequest):
    """400: the plugin exists, but is not set up here or is switched off; the text says what to do."""

    code = "plugin_not_available"
    default = "This plugin is not set up."


class PluginRequiresPaid(GatewayError):
    """403: the plan does not include the plugin (R2). The code is the seed's own."""

    status = 403
    code = "PLUGIN_REQUIRES_PAID"
    openai_type = "permission_error"
    anthropic_type = "permission_error"
    should_retry = False
    default = "This plugin is not part of the plan. (PLUGIN_REQUIRES_PAID)"


class Conflict(GatewayError):
    """409: the name is taken, or the row changed meanwhile."""

    status = 409
    code = "conflict"
    openai_type = "invalid_request_error"
    anthropic_type = "invalid_request_error"
    default = "This exists already."


class IdempotencyConflict(Conflict):
    """409: a request with this key is under way, or its answer was not kept (reliability 1.11)."""

    code = "idempotency_conflict"
    should_retry = False
    default = "A request with this Idempotency-Key is still under way."


class ResultNotStored(IdempotencyConflict):
    """409: the request was answered before, but its answer was streamed, too large or not kept."""

    code = "result_not_stored"


class Replayed(GatewayError):
    """Not a refusal: the stored answer of an earlier request with the same Idempotency-Key."""

    code = "replayed"
    default = "Answered from the first request with this Idempotency-Key."

    def __init__(self, stored_status: int, content_type: str, answer: bytes, request_id: str) -> None:
        super().__init__()
        self.stored_status = stored_status
        self.content_type = content_type
        self.answer = answer
        self.first_request_id = request_id


class UnknownPrice(InvalidRequest):
    """400: money is counted for this call, and nobody knows what the model costs (M11, C6)."""

    code = "unknown_model_pricing"
    default = "Unknown model pricing"


class RateLimited(GatewayError):
    """429: a rate, burst, token or concurrency limit (C17). `scope` names the limiter that tripped."""

    status = 429
    code = "rate_limit_exceeded"
    openai_type = "rate_limit_error"
    anthropic_type = "rate_limit_error"
    default = "Rate limit exceeded."

    def __init__(self, message: str = "", *, scope: str = "", retry_after_seconds: int = 1) -> None:
        super().__init__(message, retry_after_seconds=max(1, retry_after_seconds))
        self.scope = scope


class QuotaExceeded(RateLimited):
    """429: the plan's included tokens are used up and the plan has a hard cap (C3, R13)."""

    code = "quota_exceeded"
    should_retry = False
    default = "The plan's included tokens are used up."


class BudgetExceeded(GatewayError):
    """402, and 422 on `/api/{uuid}`: the call might pass a budget (C2)."""

    status = 402
    code = "budget_exceeded"
    openai_type = "insufficient_quota"
    anthropic_type = "billing_error"
    should_retry = False
    default = "Budget exceeded."


class CostGuardrailExceeded(BudgetExceeded):
    """402: every model that fits may cost more than the key may spend on one request (R17)."""

    code = "cost_guardrail_exceeded"
    default = "The request may cost more than this key may spend on one."


class InsufficientBalance(GatewayError):
    """402: the prepaid balance does not cover what the call may cost (M8)."""

    status = 402
    code = "insufficient_balance"
    openai_type = "insufficient_quota"
    anthropic_type = "billing_error"
    should_retry = False
    default = "Insufficient credit balance"


class TooManyTries(GatewayError):
    """429: too many failed sign-ins; `retry_after_seconds` says when to try again."""

    status = 429
    code = "too_many_tries"
    default = "Too many tries. Wait a minute, then try again."


class Overloaded(GatewayError):
    """503: draining, or a dependency the call cannot do without is away."""

    status = 503
    code = "unavailable"
    openai_type = "server_error"
    anthropic_type = "overloaded_error"
    default = "The gateway cannot serve this call right now. Try again shortly."


class NoCandidate(Overloaded):
    """503 (`/v1`) or 502 (`/api`): nobody is left to try, or no active credential (C4)."""

    code = "no_candidate"
    default = "No active API keys for this provider. Ask an admin to add one."
