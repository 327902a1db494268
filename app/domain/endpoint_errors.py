"""How calls of endpoints are refused by what was set up for them: guardrails, schemas, conversations."""

from __future__ import annotations

from app.domain.errors import Conflict, GatewayError, InvalidInput, NotAllowed


class AddressNotAllowed(NotAllowed):
    """403: the key may not be used from where the call comes (P23)."""

    code = "address_not_allowed"
    default = "This key may not be used from your address."


class OutsideHours(NotAllowed):
    """403: the key may not be used at this time (P23)."""

    code = "outside_hours"
    default = "This key may not be used at this time."


class GuardrailBlocked(GatewayError):
    """422: a guardrail stopped the request, or the answer; the text names the rule, never the match (O40)."""

    status = 422
    code = "guardrail_blocked"
    openai_type = "invalid_request_error"
    anthropic_type = "invalid_request_error"
    should_retry = False
    default = "Blocked by a guardrail."


class AnswerBlocked(GuardrailBlocked):
    """422: a guardrail stopped the answer. It was made, so it is paid for (reliability 1.4)."""


class InputSchemaInvalid(InvalidInput):
    """422: the request does not fit the endpoint's input schema (P17)."""

    code = "input_schema_invalid"


class OutputSchemaInvalid(GatewayError):
    """502: the answer does not fit the endpoint's output schema, mended and asked again (P17, F9)."""

    status = 502
    code = "output_schema_invalid"
    should_retry = False
    default = "The answer does not fit the endpoint's output schema."


class SessionForbidden(NotAllowed):
    """403: there is no such session, or another key began it (P16)."""

    code = "session_forbidden"
    default = "This session does not exist or belongs to another key."


class SessionExpired(GatewayError):
    """410: the session was idle for too long and is gone (P16)."""

    status = 410
    code = "session_expired"
    openai_type = "invalid_request_error"
    anthropic_type = "invalid_request_error"
    should_retry = False
    default = "This session has expired. Begin a new one by leaving 'session_id' out."


class SessionFull(GatewayError):
    """429: the session has as many messages, tokens or bytes as it may have (P16); waiting does not help."""

    status = 429
    code = "session_full"
    openai_type = "rate_limit_error"
    anthropic_type = "rate_limit_error"
    should_retry = False
    default = "This session is full. Begin a new one by leaving 'session_id' out."


class SessionBusy(Conflict):
    """409: the session's earlier turns are still being answered (O42); asking again later is right."""

    code = "session_busy"
    default = "Earlier turns of this session are still being answered. Send this one again when they are."
