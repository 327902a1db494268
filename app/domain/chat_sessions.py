"""How an endpoint keeps conversations: for how long, and how much of them (P16)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from app.domain.errors import InvalidInput
from app.domain.fields import Collector, refuse_unknown, whole

FIELDS = frozenset({"ttl_seconds", "max_messages", "max_tokens"})
LEAST_TTL_SECONDS, MOST_TTL_SECONDS = 60, 604_800
MOST_MESSAGES = 500
TTL_SECONDS, MESSAGES = 3_600, 100  # where nothing is said
MOST_TOKENS = 10_000_000


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """`ttl_seconds`: idle for so long, a session is over. `max_messages` counts both sides."""

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
