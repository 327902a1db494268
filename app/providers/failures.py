"""What an upstream's refusal means: status, error object and Retry-After turned into one of our errors."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from app.domain.calls import Upstream
from app.domain.provider_errors import (
    CredentialRefused,
    CreditUsedUp,
    ModelWithheld,
    ProviderFailed,
    ProviderLimited,
    ProviderRefused,
    ProviderTimedOut,
)

MOST_TEXT = 500
MOST_WAIT_SECONDS = 60
KEY_LIKE = re.compile(r"\b(?:sk|pk|rk|gsk|xai|AIza|key)[-_][A-Za-z0-9*_-]{6,}")
CODE = re.compile(r"[a-z][a-z0-9_]{2,63}")
LIMITED = frozenset({"rate_limit_error", "rate_limit_exceeded", "insufficient_quota", "requests", "tokens"})
UNKNOWN_KEY = frozenset({"authentication_error", "permission_error", "invalid_api_key", "permission_denied"})
NOT_THE_KEY = frozenset({"model_not_found", "unsupported_country_region_territory", "model_terms_required"})
WRONG = frozenset(
    {"invalid_request_error", "not_found_error", "request_too_large", "context_length_exceeded"}
)


def failure(status: int, headers: Mapping[str, str], body: bytes, upstream: Upstream) -> ProviderFailed:
    """Return the error for an answer that is no success."""
    if status == 429:
        return ProviderLimited(retry_after_seconds=retry_after(headers, time.time()))
    if status == 403 and str(read_error(body).get("code")) in NOT_THE_KEY:
        return ModelWithheld()
    if status in (401, 403):
        return CredentialRefused(upstream_status=status)
    if status == 408:
        return ProviderTimedOut()
    if status == 402:
        return CreditUsedUp()
    if 400 <= status < 500:
        return refusal(status, read_error(body), upstream)
    if 300 <= status < 400:
        return ProviderFailed("The model provider redirects elsewhere, which is not followed.")
    failed = ProviderFailed(f"The model provider answered with status {status}.")
    failed.upstream_status = status
    return failed


def stream_failure(error: Any, upstream: Upstream) -> ProviderFailed:
    """Return the error for an error object that came as the first event (L7)."""
    fields = error if isinstance(error, dict) else {"message": error}
    words = {str(fields.get("type")), str(fields.get("code"))}
    if words & LIMITED or fields.get("code") == 429:
        return ProviderLimited()
    if words & UNKNOWN_KEY or fields.get("code") in (401, 403):
        return CredentialRefused()
    if words & WRONG or fields.get("code") == 400:
        return refusal(400, fields, upstream)
    return ProviderFailed("The model provider reported an error.")


def refusal(status: int, fields: dict[str, Any], upstream: Upstream) -> ProviderRefused:
    """Return the provider's own words about a wrong request, without our secret."""
    message = fields.get("message") or fields.get("detail")
    text = scrub(message, upstream.secret) if isinstance(message, str) else ""
    param, code = fields.get("param"), fields.get("code")
    refused = ProviderRefused(
        text or f"The model provider refused the request with status {status}.",
        upstream_status=status,
        param=scrub(param, upstream.secret)[:100] if isinstance(param, str) else None,
    )
    refused.upstream_code = code if isinstance(code, str) and CODE.fullmatch(code) else None
    return refused


def read_error(body: bytes) -> dict[str, Any]:
    """Return the error object of a JSON body: `{"error": {…}}`, `{"error": "…"}` or the body itself."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return {}
    error = value.get("error", value)
    return error if isinstance(error, dict) else {"message": error}


def scrub(text: str, secret: str) -> str:
    """Return the text without the secret, anything like a key, control characters and excess length."""
    if secret:
        text = text.replace(secret, "…")
    text = KEY_LIKE.sub("…", "".join(char if char.isprintable() else " " for char in text[: 4 * MOST_TEXT]))
    return text.strip()[:MOST_TEXT]


def retry_after(headers: Mapping[str, str], now: float) -> int | None:
    """Return whole seconds, 1 to 60, from `retry-after-ms` or `retry-after` (number or date), or None."""
    milliseconds = number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return bounded(milliseconds / 1000)
    text = headers.get("retry-after", "").strip()
    seconds = number(text)
    if seconds is not None:
        return bounded(seconds)
    try:
        return bounded(parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def number(text: str) -> float | None:
    """Return a finite number that is not negative, else None."""
    if not re.fullmatch(r"[0-9]{1,30}(\.[0-9]{1,30})?", text.strip(), re.ASCII):
        return None
    return float(text)


def bounded(seconds: float) -> int:
    """Return seconds rounded up, at least 1, at most 60."""
    return max(1, min(math.ceil(seconds), MOST_WAIT_SECONDS))
