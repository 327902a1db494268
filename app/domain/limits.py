"""Limits on how much may be called how fast; a limit of None is none. Pure: the counting is elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from app.domain.fields import Collector, refuse_unknown, whole

MOST = 1_000_000_000


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
        return any(value is not None for value in asdict(self).values())

    def without(self, other: Limits) -> Limits:
        """Return these but for those that `other` sets: a key's field replaces the endpoint's (P20)."""
        mine, theirs = self.as_dict(), other.as_dict()
        return Limits(**{name: mine[name] for name in mine.keys() - theirs.keys()})


NO_LIMITS = Limits()
FIELDS = frozenset(field.name for field in fields(Limits))


def parse_limits(raw: Mapping[str, Any]) -> Limits:
    """Check every field; raise InvalidFields with all that is wrong (I5)."""
    refuse_unknown(raw, FIELDS)
    collect = Collector()
    values = {name: collect.take(whole, raw, name, 1, MOST) for name in sorted(FIELDS)}
    collect.finish()
    return Limits(**values)
