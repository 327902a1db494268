"""How an endpoint keeps conversations: how long, how much of them, which one a call goes on with (P16)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from app.domain.endpoint_errors import SessionFull
from app.domain.errors import InvalidInput
from app.domain.fields import Collector, refuse_unknown, whole
from app.domain.ids import is_uuid

FIELD = "session_id"
FIELDS = frozenset({"ttl_seconds", "max_messages", "max_tokens"})
LEAST_TTL_SECONDS, MOST_TTL_SECONDS = 60, 604_800
MOST_MESSAGES = 500
TTL_SECONDS, MESSAGES = 3_600, 100  # where nothing is said
MOST_TOKENS = 10_000_000
MOST_BYTES = 2 * 1024 * 1024  # of all its messages together: a call must be able to load them


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """`ttl_seconds`: idle for so long, a session is over. `max_messages` counts both sides.

    `max_tokens`: of all its turns together, as they are counted and paid.
    """

    ttl_seconds: int = TTL_SECONDS
    max_messages: int = MESSAGES
    max_tokens: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def parse_session(raw: Mapping[str, Any], name: str = "session") -> SessionSettings | None:
    """Check the field `name`; None when it is absent: no sessions are kept. Raise InvalidFields."""
    value = raw.get(name)
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidInput("Must be an object.", param=name)
    refuse_unknown(value, FIELDS)
    collect = Collector()
    ttl = collect.take(whole, value, "ttl_seconds", LEAST_TTL_SECONDS, MOST_TTL_SECONDS)
    messages = collect.take(whole, value, "max_messages", 1, MOST_MESSAGES)
    tokens = collect.take(whole, value, "max_tokens", 1, MOST_TOKENS)
    collect.finish()
    return SessionSettings(
        ttl_seconds=ttl or TTL_SECONDS,
        max_messages=messages or MESSAGES,
        max_tokens=tokens,
    )


def resumed_id(settings: SessionSettings | None, body: Mapping[str, Any]) -> str | None:
    """Return the session that a body goes on with, None when it begins one; raise InvalidInput."""
    value = body.get(FIELD)
    if value is None:
        return None
    if settings is None:
        raise InvalidInput(f"This endpoint keeps no sessions. Leave '{FIELD}' out.", param=FIELD)
    if not is_uuid(value):
        text = f"'{FIELD}' must be the id of a session, as an earlier answer gave it."
        raise InvalidInput(text, param=FIELD)
    return str(UUID(value))


@dataclass(frozen=True, slots=True)
class Held:
    """How much a session holds."""

    messages: int
    tokens: int
    size_bytes: int


def check_room(settings: SessionSettings, held: Held, more: int, more_bytes: int) -> None:
    """Raise SessionFull unless a turn with so many more messages may begin; its answer may pass the limit."""
    again = "Begin a new one by leaving 'session_id' out." if held.messages else "Send less."
    if held.messages + more > settings.max_messages:
        raise SessionFull(f"This session holds at most {settings.max_messages:,} messages. {again}")
    if settings.max_tokens is not None and held.tokens >= settings.max_tokens:
        raise SessionFull(f"This session may use at most {settings.max_tokens:,} tokens. {again}")
    if held.size_bytes + more_bytes > MOST_BYTES:
        raise SessionFull(f"A session holds at most {MOST_BYTES:,} bytes of text and pictures. {again}")
