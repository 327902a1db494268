"""How answers and errors look on each family of routes; pure, shared by every door (C1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

from app.domain import healing, route_headers
from app.domain.calls import Usage
from app.domain.chat import choices_of
from app.domain.errors import BudgetExceeded, GatewayError, InvalidFields, NoCandidate, RateLimited
from app.domain.messages import answer as messages
from app.domain.pricing import nano_to_usd
from app.domain.provider_errors import Draining, ProviderAnswered, ProviderFailed, ProviderRefused
from app.domain.record_parts import Extra
from app.domain.records import Record
from app.domain.responses import answer as responses


@dataclass(frozen=True, slots=True)
class Dialect:
    """Renders one family of routes. `ends_after_error`: a cut stream still closes with [DONE] (C29).

    `names_request`: its errors hold the request's id.
    """

    name: str
    answer: Callable[[dict[str, Any], Record], dict[str, Any]]
    error: Callable[[GatewayError], dict[str, Any]]
    status: Callable[[GatewayError], int]
    error_event: str
    ends_after_error: bool
    names_request: bool = False

    def error_body(self, error: GatewayError, request_id: str) -> dict[str, Any]:
        """Return the body of an error."""
        body = self.error(error)
        return {**body, "request_id": request_id} if self.names_request else body


def native_answer(completion: dict[str, Any], record: Record) -> dict[str, Any]:
    """Return the body of P5; `session_id` is absent without a session."""
    choice = next(iter(choices_of(completion)), {})
    message = choice.get("message") or {}
    session = {"session_id": record.session.id} if record.session else {}
    body = {
        "ok": True,
        "id": completion.get("id") or f"chatcmpl-{record.call.request_id}",
        "model": record.model_answered,
        "content": message.get("content") or "",
        "finish_reason": choice.get("finish_reason"),
        "usage": plain_usage(record.usage or Usage()),
        "meta": {"request_id": record.call.request_id, **session},
    }
    if message.get("tool_calls"):
        body["tool_calls"] = message["tool_calls"]
    return body


def native_error(error: GatewayError) -> dict[str, Any]:
    """Return the body of P8; where a limit is reached, that of P21."""
    if isinstance(error, RateLimited) and error.scope:
        told = {"scope": error.scope, "retry_after": error.retry_after_seconds}
        return {"ok": False, "error": error.default, **told}
    fields = {"errors": error.errors} if isinstance(error, InvalidFields) else {}
    return {"ok": False, "error": error.message, **fields}


def native_status(error: GatewayError) -> int:
    """Return the status of P8: whatever went wrong at the providers is 502."""
    if isinstance(error, BudgetExceeded):
        return 422
    is_upstream = isinstance(error, ProviderFailed | NoCandidate) and not isinstance(error, Draining)
    return 502 if is_upstream else error.status


def openai_answer(completion: dict[str, Any], record: Record) -> dict[str, Any]:
    """Return the completion as OpenAI's clients expect it, with our own `sluice` object beside it."""
    told = {"usage": told_usage(record, completion.get("usage")), "sluice": summary(record)}
    return {**completion, "model": record.model_told, **told, **route_headers.extra(record)}


def openai_error(error: GatewayError) -> dict[str, Any]:
    """Return OpenAI's error envelope."""
    code = getattr(error, "upstream_code", None) or error.code
    inner = {"message": error.message, "type": error.openai_type, "param": error.param, "code": code}
    return {"error": inner}


def openai_status(error: GatewayError) -> int:
    """Return the status: a provider's 4xx about the request itself is passed on, a lone one's 5xx, too."""
    if isinstance(error, ProviderRefused | ProviderAnswered) or passes_on(error):
        return error.upstream_status
    return error.status


def passes_on(error: GatewayError) -> TypeGuard[ProviderFailed]:
    """Say whether the client is told the status with which the one provider that it named failed."""
    return isinstance(error, ProviderFailed) and error.passes_on and 500 <= error.upstream_status <= 599


def anthropic_error(error: GatewayError) -> dict[str, Any]:
    """Return Anthropic's error envelope; its texts begin with the path of what is wrong."""
    kind, message = error.anthropic_type, error.message
    if isinstance(error, ProviderRefused) or passes_on(error):
        kind = ANTHROPIC_TYPES.get(error.upstream_status, kind)
    if error.param and error.param not in message:
        message = f"{error.param}: {message}"
    return {"type": "error", "error": {"type": kind, "message": message}}


def anthropic_status(error: GatewayError) -> int:
    """Return the status: this API says 400 where others say 422."""
    status = openai_status(error)
    return 400 if status == 422 else status


def responses_answer(completion: dict[str, Any], record: Record) -> dict[str, Any]:
    """Return the completion as a response, with our own `sluice` object beside it."""
    return {**responses.whole(completion, record), "sluice": summary(record)}


def plain_usage(usage: Usage) -> dict[str, Any]:
    """Return the three numbers of P5."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def openai_usage(usage: Usage) -> dict[str, Any]:
    """Return OpenAI's usage object."""
    return {
        **plain_usage(usage),
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def told_usage(record: Record, given: Any) -> dict[str, Any]:
    """Return OpenAI's usage object; the provider's own details stay where they are about the same tokens."""
    ours = openai_usage(record.usage or Usage())
    if not isinstance(given, dict) or given.get("prompt_tokens") != ours["prompt_tokens"]:
        return ours
    if given.get("completion_tokens") != ours["completion_tokens"]:
        return ours
    for name in ("prompt_tokens_details", "completion_tokens_details"):
        details = given.get(name)
        if isinstance(details, dict):
            ours[name] |= {key: value for key, value in details.items() if type(value) is int}
    return ours


def summary(record: Record) -> dict[str, Any]:
    """Return the product's own few words about a call."""
    cost = record.cost_nano_usd
    told: dict[str, Any] = {
        "request_id": record.call.request_id,
        "provider": record.answered_by.provider_slug if record.answered_by else None,
        "cost_usd": None if cost is None else nano_to_usd(cost),
        "estimated": bool(record.usage and record.usage.estimated),
    }
    if record.target is not None and record.target.requested:
        told["requested_model"] = record.target.requested
    if record.target is not None and record.target.rule:
        told["routing_decision"] = record.target.rule
    if record.session is not None:
        told["session_id"] = record.session.id
    if record.healing is not None:
        told["healing"] = healing.told(record.healing)
    paid = [extra for extra in record.extras if extra.kind != "plugin"]
    if paid:
        told["extras"] = [extra_told(extra, is_priced=cost is not None) for extra in paid]
    if record.plugins:
        told |= {"plugins": record.plugin_notes, "warnings": record.warnings}
    return told


def extra_told(extra: Extra, *, is_priced: bool) -> dict[str, Any]:
    """Return what was paid for beside the answer: it is not in the answer's own usage."""
    usage = plain_usage(extra.usage)
    return {
        "kind": extra.kind,
        "label": extra.label,
        "cost_usd": nano_to_usd(extra.nano_usd) if is_priced or extra.nano_usd else None,
        "usage": usage,
    }


NATIVE = Dialect("native", native_answer, native_error, native_status, "event: error\n", True)
OPENAI = Dialect("openai", openai_answer, openai_error, openai_status, "", False)
ANTHROPIC = Dialect(
    "anthropic", messages.message_of, anthropic_error, anthropic_status, "event: error\n", False, True
)
RESPONSES = Dialect("responses", responses_answer, openai_error, openai_status, "event: error\n", False)
BY_NAME = {dialect.name: dialect for dialect in (NATIVE, OPENAI, ANTHROPIC, RESPONSES)}
ANTHROPIC_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    529: "overloaded_error",
}
ANTHROPIC_PATH = re.compile(
    r"/v1/(?:anthropic/.*|messages(?:/.*)?|[^/]+/v1/.*|[^/]+/messages(?:/count_tokens)?)", re.IGNORECASE
)


OPENAI_PATHS = ("/runtime/", "/api/auth")


def of_path(path: str) -> Dialect | None:
    """Return the dialect that a path's callers speak; None for the dashboard."""
    if path.startswith("/v1/"):
        return of_v1(path)
    if path.startswith("/anthropic/"):
        return ANTHROPIC
    if path.startswith(OPENAI_PATHS) or (path.startswith("/api/") and "/v1/" in path):
        return OPENAI
    return NATIVE if path.startswith("/api/") else None


def of_v1(path: str) -> Dialect:
    """Return the dialect of a path under /v1/: Anthropic's where its SDK calls, else OpenAI's (C1)."""
    return ANTHROPIC if ANTHROPIC_PATH.fullmatch(path) else OPENAI
