"""Counting in one process what `services/limiter.lua` counts for all: the same arithmetic, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.domain.limits import Limiter

LEASE_MS = 660_000  # longer than any call may last
BUSY_MS = 1_000


@dataclass(slots=True)
class Window:
    """A sliding window as two fixed buckets: the one under way, and the share of the one before."""

    length_ms: int
    bucket: int = -1
    current: int = 0
    previous: int = 0

    def roll(self, now_ms: int) -> None:
        """Move on to the bucket of `now_ms`."""
        bucket = now_ms // self.length_ms
        if bucket == self.bucket + 1:
            self.current, self.previous = 0, self.current
        elif bucket != self.bucket:
            self.current = self.previous = 0
        self.bucket = bucket

    def wait(self, limit: int, cost: int, now_ms: int) -> int:
        """Return in how many milliseconds there is room for `cost`; 0: now."""
        self.roll(now_ms)
        length, passed, room = self.length_ms, now_ms % self.length_ms, limit - cost
        if self.previous * (length - passed) <= (room - self.current) * length:
            return 0
        if self.current <= room:
            return length - (room - self.current) * length // self.previous - passed
        return length - passed + max(0, length - room * length // self.current)

    def count(self, limit: int, cost: int, _member: str, now_ms: int) -> tuple[int, int]:
        """Count `cost`; return what is left of the limit and in how many milliseconds all of it is."""
        self.roll(now_ms)
        self.current += cost
        rest = self.length_ms - now_ms % self.length_ms
        left = limit - self.current - -(-self.previous * rest // self.length_ms)
        return max(0, left), self.length_ms + rest

    def give_back(self, _member: str, delta: int, at_ms: int, now_ms: int) -> None:
        """Correct what was counted at `at_ms`; what comes on top counts from now."""
        self.roll(now_ms)
        age = self.bucket - at_ms // self.length_ms
        if delta > 0 or age == 0:
            self.current = max(0, self.current + delta)
        elif age == 1:
            self.previous = max(0, self.previous + delta)


@dataclass(slots=True)
class Leases:
    """The calls under way, each until it ends or cannot be alive any more."""

    ends_at: dict[str, int] = field(default_factory=dict)

    def wait(self, limit: int, _cost: int, now_ms: int) -> int:
        """Return in how many milliseconds to ask again; 0: there is room."""
        self.ends_at = {member: end for member, end in self.ends_at.items() if end > now_ms}
        return 0 if len(self.ends_at) < limit else BUSY_MS

    def count(self, limit: int, _cost: int, member: str, now_ms: int) -> tuple[int, int]:
        """Take a lease; return how many are left."""
        self.ends_at[member] = now_ms + LEASE_MS
        return limit - len(self.ends_at), 0

    def give_back(self, member: str, _delta: int, _at_ms: int, _now_ms: int) -> None:
        """End the lease."""
        self.ends_at.pop(member, None)


def counter_for(limiter: Limiter) -> Window | Leases:
    """Return an empty counter for the limiter."""
    return Window(limiter.window_ms) if limiter.window_ms else Leases()
