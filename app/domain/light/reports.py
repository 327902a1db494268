"""The body of POST /runtime/light/requests (K21): what came of a call that the client made itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.errors import InvalidRequest
from app.domain.light import asks
from app.domain.light.fields import Fields, read_context, read_model, read_provider, refused
from app.domain.light.told import Report
from app.domain.policies.contexts import Context
from app.domain.policies.rules import ACTIONS
from app.domain.rollouts import NEW, OLD

CACHE_STATUS = re.compile(r"[A-Z][A-Z_-]{0,31}")
STATUS_WORDS = {"success": 200, "succeeded": 200, "ok": 200, "error": 500, "failed": 500}
OLDEST, EARLIEST = timedelta(days=7), timedelta(minutes=5)  # clocks differ a little
MOST_MILLISECONDS = 24 * 60 * 60 * 1000
MOST_TAGS, LONGEST_TAG = 10, 64
MOST_VERSION = 2**31 - 1


def read(body: Mapping[str, Any], sent_id: str | None, now: datetime) -> tuple[Context, Report]:
    """Return whose call is reported, and how; raise InvalidRequest naming the field that is wrong."""
    fields = Fields(body)
    context, told = read_context(fields, sent_id), asks.read_told(fields)
    given, made, total = read_tokens(fields)
    provider = read_provider(fields, "provider")
    report = Report(
        told=told,
        made_at=made_at(fields, now),
        used=read_model(fields, "model", provider or told.provider),
        input_tokens=given,
        output_tokens=made,
        total_tokens=total,
        cache_status=cache_status(fields),
        action=fields.word("actionTaken", ACTIONS),
        status=status(fields),
        error_code=fields.text("errorCode", 64),
        latency_ms=fields.whole("latencyMs", MOST_MILLISECONDS),
        cost_nano_usd=fields.dollars("costUsd"),
        version=fields.whole("policyVersion", MOST_VERSION, 1),
        arm=fields.word("arm", (OLD.upper(), NEW.upper())).lower(),
        tags=tags(fields),
    )
    for name in ("maxOutputTokens", "temperature", "stream", "cacheLookup", "rolloutState", "rule"):
        fields.take(name)  # as the advice said, or was asked: sent along they mean nothing more
    return context, replace(report, told=replace(told, unknown=fields.unknown()))


def read_tokens(fields: Fields) -> tuple[int, int, int]:
    """Return the tokens of input, of output and of both; a total alone counts as input."""
    given = fields.whole("promptTokens", asks.MOST_TOKENS)
    made = fields.whole("completionTokens", asks.MOST_TOKENS)
    total = fields.whole("totalTokens", 2 * asks.MOST_TOKENS)
    parts = (given or 0) + (made or 0)
    if total is None:
        return given or 0, made or 0, parts
    if total < parts:
        text = "'totalTokens' must not be less than 'promptTokens' and 'completionTokens' together."
        raise InvalidRequest(text, param="totalTokens")
    if given is None:
        return total - (made or 0), made or 0, total
    return given, total - given if made is None else made, total


def made_at(fields: Fields, now: datetime) -> datetime | None:
    """Return when the call was made; at most a week ago."""
    value = fields.text("createdAt", 64)
    if not value:
        return None
    try:
        found = datetime.fromisoformat(value)
        found = (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)
    except (ValueError, OverflowError):
        raise refused("createdAt", "a time like 2026-01-31T12:00:00Z") from None
    if not now - OLDEST <= found <= now + EARLIEST:
        raise refused("createdAt", "a time of the last 7 days")
    return min(found, now)


def status(fields: Fields) -> int:
    """Return the status that the provider answered with: as a number, or as success or error."""
    value = fields.take("status")
    if value is None:
        return 200
    if isinstance(value, str) and value.lower() in STATUS_WORDS:
        return STATUS_WORDS[value.lower()]
    if type(value) is not int or not 100 <= value <= 599:
        raise refused("status", "a status of HTTP like 200, or success or error")
    return value


def cache_status(fields: Fields) -> str:
    """Return what the client's own cache said: NONE, MISS, HIT, or a word of its own."""
    value = fields.text("cacheStatus", 32).upper() or "NONE"
    if not CACHE_STATUS.fullmatch(value):
        raise refused("cacheStatus", "one word, like NONE, MISS or HIT")
    return value


def tags(fields: Fields) -> tuple[str, ...]:
    """Return the client's own words for the call."""
    value = fields.take("tags")
    must = f"a list of at most {MOST_TAGS} texts of at most {LONGEST_TAG} visible characters"
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MOST_TAGS or not all(is_tag(item) for item in value):
        raise refused("tags", must)
    return tuple(dict.fromkeys(item.strip() for item in value))


def is_tag(value: Any) -> bool:
    """Say whether a value is a tag."""
    return isinstance(value, str) and 0 < len(value.strip()) <= LONGEST_TAG and value.isprintable()
