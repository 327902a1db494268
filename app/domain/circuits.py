"""A circuit tells whether somebody may be called: after failures in a row it opens, then one probe decides.

The same arithmetic as `services/health.lua`, which keeps the circuits of all workers. Times are seconds of
one clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

FAILURES_TO_OPEN = 5
OPEN_SECONDS = 30.0
MOST_OPEN_SECONDS = 300.0
MOST_COOLING_SECONDS = 60.0

OUTLIER_SAMPLES = 20  # fewer say nothing
OUTLIER_SHARE = 0.3  # of its calls fail, at least
OUTLIER_DISTANCE = 0.2  # and so much more than of everybody else's

RETRY_ALLOWANCE = 5.0  # further attempts that may fail in any case
RETRY_SHARE = 0.15  # and of its calls
RETRY_PER_SECOND = 0.2
MOST_RETRIES = 100.0  # saved up


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known of a provider or of one of its keys. `openings`: how often it opened without a success.

    `cooling_until`: until when it asked to be left alone (429 with Retry-After). `error`: the kind of the
    last failure. `closed_at`: when it last recovered.
    """

    failures: int = 0
    openings: int = 0
    open_until: float = 0.0
    cooling_until: float = 0.0
    closed_at: float | None = None
    error: str = ""

    def state(self, now: float) -> str:
        """Return closed, open, or half_open: then one probe may be sent."""
        if not self.openings:
            return "closed"
        return "open" if now < self.open_until else "half_open"

    def is_cooling(self, now: float) -> bool:
        """Say whether it asked to be left alone for now."""
        return now < self.cooling_until

    def fail(self, now: float, times: int = 1, error: str = "") -> Circuit:
        """Return it after so many failures in a row: five open it, a failed probe opens it for longer."""
        failures, state = self.failures + times, self.state(now)
        failed = replace(self, failures=failures, error=error or self.error)
        if state == "open" or (state == "closed" and failures < FAILURES_TO_OPEN):
            return failed
        return failed.opened(now)

    def opened(self, now: float) -> Circuit:
        """Return it open, each time for twice as long, at most for five minutes."""
        openings = self.openings + 1
        return replace(self, openings=openings, open_until=now + open_seconds(openings))

    def succeed(self, now: float) -> Circuit:
        """Return it after a success: closed, unless it is one of a call sent before it opened."""
        return self if self.state(now) == "open" else self.closed(now)

    def closed(self, now: float) -> Circuit:
        """Return it closed, as an admin may want it at any time."""
        recovered = now if self.openings else self.closed_at
        return Circuit(cooling_until=self.cooling_until, closed_at=recovered)

    def cool(self, now: float, seconds: float) -> Circuit:
        """Return it left alone for so long, a minute at most."""
        until = now + min(seconds, MOST_COOLING_SECONDS)
        return replace(self, cooling_until=max(self.cooling_until, until))

    def is_forgettable(self, now: float) -> bool:
        """Say whether it says no more than one that nothing is known of."""
        return not self.failures and not self.openings and not self.is_cooling(now) and self.closed_at is None


@dataclass(slots=True)
class Change:
    """What one process saw of a circuit since it last told the others; as the words of `health.lua`.

    `reset`: ok (a success) or close (an admin's wish), before the `failures`. `label`: whose circuit it is.
    """

    label: str = ""
    reset: str = ""
    failures: int = 0
    cool_seconds: float = 0.0
    opens: bool = False
    error: str = ""

    def words(self, circuit_id: str) -> tuple[str, ...]:
        """Return it as the script takes it."""
        cool_ms, opens = str(int(1000 * self.cool_seconds)), "1" if self.opens else ""
        return circuit_id, self.reset, str(self.failures), cool_ms, opens, self.error, self.label

    def apply(self, circuit: Circuit, now: float) -> Circuit:
        """Return the circuit after it."""
        if self.reset:
            circuit = circuit.closed(now) if self.reset == "close" else circuit.succeed(now)
        if self.cool_seconds:
            circuit = circuit.cool(now, self.cool_seconds)
        if self.failures:
            circuit = circuit.fail(now, self.failures, self.error)
        return replace(circuit, error=self.error).opened(now) if self.opens else circuit

    def then(self, newer: Change | None) -> Change:
        """Return both as one; what failed before a success is of no matter."""
        if newer is None or newer.reset:
            return newer or self
        return Change(
            label=newer.label or self.label,
            reset=self.reset,
            failures=self.failures + newer.failures,
            cool_seconds=max(self.cool_seconds, newer.cool_seconds),
            opens=self.opens or newer.opens,
            error=newer.error or self.error,
        )


def open_seconds(openings: int) -> float:
    """Return for how long a circuit stays open that opens for this time in a row."""
    return min(OPEN_SECONDS * 2.0 ** min(openings - 1, 10), MOST_OPEN_SECONDS)


def outliers(shares: Mapping[str, tuple[int, int]], ejected: Collection[str]) -> list[str]:
    """Return whom to eject: those that fail far more often than all the others, worst first.

    `shares`: how many calls of each were answered, and how many failed. At most half of them all are ejected,
    those `ejected` already included, and never the last one.
    """
    judged = {name: (ok, failed) for name, (ok, failed) in shares.items() if ok + failed >= OUTLIER_SAMPLES}
    room = len(shares.keys() | set(ejected)) // 2 - len(ejected)
    found = [name for name in judged if name not in ejected and stands_out(name, shares)]
    found.sort(key=lambda name: -failure_share(*judged[name]))
    return found[: max(0, room)]


def stands_out(name: str, shares: Mapping[str, tuple[int, int]]) -> bool:
    """Say whether it fails far more often than all the others together, of whom enough is known."""
    others = [pair for other, pair in shares.items() if other != name]
    answered, failed = sum(pair[0] for pair in others), sum(pair[1] for pair in others)
    if answered + failed < OUTLIER_SAMPLES:
        return False
    own = failure_share(*shares[name])
    return own >= max(OUTLIER_SHARE, failure_share(answered, failed) + OUTLIER_DISTANCE)


def failure_share(answered: int, failed: int) -> float:
    """Return the part that failed, 0 of nothing."""
    return failed / (answered + failed) if failed else 0.0


@dataclass(slots=True)
class RetryBudget:
    """How many further attempts at one provider may fail: a part of its calls, so that nothing is stormed.

    An attempt is further when another one of the same call came before it. One that succeeds is given back.
    """

    left: float = RETRY_ALLOWANCE
    at: float = 0.0
    calls: int = 0

    def take(self, now: float, calls: int) -> bool:
        """Say whether one more may be sent, and count it. `calls`: those that began at the provider, ever."""
        rested = min(RETRY_ALLOWANCE, self.left + RETRY_PER_SECOND * max(0.0, now - self.at))
        self.left = min(MOST_RETRIES, max(self.left, rested) + RETRY_SHARE * (calls - self.calls))
        self.at, self.calls = now, calls
        if self.left < 1:
            return False
        self.left -= 1
        return True

    def give_back(self) -> None:
        """The attempt succeeded."""
        self.left += 1
