"""Limits on how much may be called how fast; a limit of None is none. Pure: the counting is elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from typing import Any

from app.domain.errors import InvalidFields, InvalidInput, RateLimited
from app.domain.fields import Collector, refuse_unknown, whole

MOST = 1_000_000_000
MOST_REMEMBERED = 20_000  # sets of limiters, of one key, endpoint or plan each


@dataclass(frozen=True, slots=True)
class Limits:
    """What one scope (a key, an endpoint, a plan) allows."""

    requests_per_minute: int | None = None
    requests_per_hour: int | None = None
    tokens_per_minute: int | None = None
    burst_per_second: int | None = None  # requests in any one second (O36)
    concurrency: int | None = None  # calls under way at once

    def as_dict(self) -> dict[str, int]:
        """Return the limits that are set."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def __bool__(self) -> bool:
        return not (
            self.requests_per_minute
            is self.requests_per_hour
            is self.tokens_per_minute
            is self.burst_per_second
            is self.concurrency
            is None
        )

    def without(self, other: Limits) -> Limits:
        """Return these but for those that `other` sets: a key's field replaces the endpoint's (P20)."""
        if not other:
            return self
        mine, theirs = self.as_dict(), other.as_dict()
        return Limits(**{name: mine[name] for name in mine.keys() - theirs.keys()})


NO_LIMITS = Limits()
FIELDS = frozenset(field.name for field in fields(Limits))


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the limits. `window_ms` 0: calls under way at once. `scope` is P21's word for it."""

    window_ms: int
    scope: str
    text: str


KINDS = {
    "requests_per_minute": Kind(60_000, "minute", "{} requests per minute"),
    "requests_per_hour": Kind(3_600_000, "hour", "{} requests per hour"),
    "tokens_per_minute": Kind(60_000, "tokens", "{} tokens per minute"),
    "burst_per_second": Kind(1_000, "second", "{} requests per second"),
    "concurrency": Kind(0, "concurrency", "{} calls at once"),
}
OWNERS = {
    "plan": "The plan",
    "key": "This key",
    "endpoint": "This endpoint",
    "management": "The management API",
    "analytics": "The analytics API",
    "alerts": "The alerts API",
}
REQUESTS = ("requests_per_minute", "requests_per_hour")
TOKENS = ("tokens_per_minute",)


@dataclass(frozen=True, slots=True)
class Limiter:
    """One limit of one plan, key or endpoint.

    `name` is what it is counted under, made of our own ids alone (J8). `window_ms`: how long a count stays; 0
    where calls count while they are under way. `words`: window and limit as they are written to Redis.
    """

    scope: str  # plan | key | endpoint | management | analytics
    scope_id: str
    kind: str
    limit: int
    name: str = field(init=False, compare=False)
    window_ms: int = field(init=False, compare=False)
    words: tuple[str, str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        window_ms = KINDS[self.kind].window_ms
        object.__setattr__(self, "name", f"{self.scope}:{self.scope_id}:{self.kind}")
        object.__setattr__(self, "window_ms", window_ms)
        object.__setattr__(self, "words", (str(window_ms), str(self.limit)))

    def cost(self, tokens: int) -> int:
        """Return what a call counts for. One that alone passes the limit takes all of it."""
        return min(tokens, self.limit) if self.kind in TOKENS else 1


@lru_cache(MOST_REMEMBERED)
def limiters(
    scope: str, scope_id: str, limits: Limits, replaced_by: Limits = NO_LIMITS
) -> tuple[Limiter, ...]:
    """Return each limit that is set and not replaced, in a fixed order; the same ones for the same limits."""
    left = limits.without(replaced_by)
    values = ((kind, getattr(left, kind)) for kind in KINDS)
    return tuple(Limiter(scope, scope_id, kind, value) for kind, value in values if value is not None)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a call was counted in. `left`: per limiter what is left of it, and in how many ms all of it is."""

    limiters: tuple[Limiter, ...]
    left: tuple[tuple[int, int], ...]
    tokens: int  # the estimate that was counted
    at_ms: int
    local: bool = False  # in this process alone, while Redis was away
    doubtful: bool = False  # Redis was asked and did not answer: it may yet count the call


@dataclass(frozen=True, slots=True)
class Full:
    """The limiter with the longest wait among those that have no room."""

    limiter: Limiter
    wait_ms: int


def refusal(full: Full) -> RateLimited:
    """Return the error that tells which limit is reached and when there is room again."""
    kind, seconds = KINDS[full.limiter.kind], max(1, -(-full.wait_ms // 1000))
    allowed = kind.text.format(f"{full.limiter.limit:,}")
    when = "1 second" if seconds == 1 else f"{seconds:,} seconds"
    message = f"Rate limit exceeded. {OWNERS[full.limiter.scope]} allows {allowed}. Try again in {when}."
    return RateLimited(message, scope=kind.scope, retry_after_seconds=seconds)


def headers(counted: Counted | None) -> dict[str, str]:
    """Return what an answer's headers say of its tightest limits; the names are OpenAI's (A18)."""
    if counted is None:
        return {}
    return {**told(counted, REQUESTS, "Requests"), **told(counted, TOKENS, "Tokens")}


def told(counted: Counted, kinds: tuple[str, ...], what: str) -> dict[str, str]:
    """Return the three headers of the limiter of these kinds that has the least left."""
    pairs = zip(counted.limiters, counted.left, strict=True)
    mine = [(left, -reset, limiter.limit) for limiter, (left, reset) in pairs if limiter.kind in kinds]
    if not mine:
        return {}
    left, reset, limit = min(mine)
    return {
        f"X-RateLimit-Limit-{what}": str(limit),
        f"X-RateLimit-Remaining-{what}": str(left),
        f"X-RateLimit-Reset-{what}": f"{-(reset // 1000)}s",
    }


def parse_limits(raw: Mapping[str, Any]) -> Limits:
    """Check every field; raise InvalidFields with all that is wrong (I5)."""
    refuse_unknown(raw, FIELDS)
    collect = Collector()
    values = {name: collect.take(whole, raw, name, 1, MOST) for name in sorted(FIELDS)}
    collect.finish()
    return Limits(**values)


def limits_of(raw: Mapping[str, Any]) -> Limits:
    """Return the limits in the field `limits`; an error's field is `limits.` and its own name."""
    value = raw.get("limits") or {}
    if not isinstance(value, Mapping):
        raise InvalidInput("Write limits as fields and numbers.", param="limits")
    try:
        return parse_limits(value)
    except InvalidFields as error:
        raise InvalidFields({f"limits.{name}": text for name, text in error.errors.items()}) from None
