"""Who may be called: the circuits of providers and of their keys, over all workers (reliability 1.10).

A call looks at this process's memory alone. What it saw is told to the other workers by the pulse, in one
script about once a second, at once where something failed. Without Redis each process has its own circuits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.domain.circuits import Change, Circuit, RetryBudget
from app.domain.targets import Candidate, CredentialValue
from app.extensions import redis
from app.redis_store import RedisAway, RedisStore, Script
from app.services.pulse import pulse

SCRIPT = Script(Path(__file__).with_name("health.lua").read_text(encoding="utf-8"))
INDEX = "sluice:circuits"
PROBE_SECONDS = 30.0  # as long a probe keeps the others waiting that does not come back
ASK_AGAIN_SECONDS = 1.0
RECOVERED_SECONDS = 120.0
UNKNOWN = Circuit()
FAULTS = frozenset({"failed", "timed_out"})


@dataclass(frozen=True, slots=True)
class Label:
    """Whose circuit it is. A key's has no slug: nobody is told of it by name."""

    workspace_id: str
    slug: str = ""

    def __str__(self) -> str:
        return f"{self.workspace_id}/{self.slug}"


class Health:
    """The circuits as this process knows them. `now_ms` stands in for the server's clock."""

    def __init__(
        self,
        store: RedisStore = redis,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], str] = str,
    ) -> None:
        self.store, self.clock, self.now_ms = store, clock, now_ms
        self.circuits: dict[str, Circuit] = {}  # of whom more is known than that they work
        self.labels: dict[str, Label] = {}
        self.calls: dict[str, int] = {}  # how many began at each provider
        self.on_open: Callable[[Label, str, Circuit], None] | None = None
        self._budgets: dict[str, RetryBudget] = {}
        self._changes: dict[str, Change] = {}
        self._claims: dict[str, float] = {}  # when somebody may ask again to be the probe

    def forget(self) -> None:
        """Know nothing."""
        self.circuits.clear()
        self.labels.clear()
        self.calls.clear()
        self._budgets.clear()
        self._changes.clear()
        self._claims.clear()

    def circuit(self, circuit_id: str) -> Circuit:
        """Return what is known of a provider or a key."""
        return self.circuits.get(circuit_id, UNKNOWN)

    def wait_for(self, circuit_id: str) -> float:
        """Return in how many seconds it may be called; 0: now, and where it is half open, as its probe."""
        circuit = self.circuits.get(circuit_id)
        if circuit is None or not circuit.openings:
            return 0.0
        now = self.clock()
        if now < circuit.open_until:
            return circuit.open_until - now
        return 0.0 if self._claim(circuit_id, circuit, now) else max(1.0, self._claims[circuit_id] - now)

    def warm_first(self, candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
        """Return the candidates in their order, those last that asked to be left alone for now."""
        if not self.circuits:
            return candidates
        now = self.clock()
        cooling = {name for name, circuit in self.circuits.items() if circuit.is_cooling(now)}
        return order(candidates, cooling) if cooling else candidates

    def is_left_alone(self, circuit_id: str) -> bool:
        """Say whether it is open or asked to be left alone for now."""
        now, circuit = self.clock(), self.circuit(circuit_id)
        return circuit.is_cooling(now) or circuit.state(now) == "open"

    def may_retry(self, provider_id: str) -> bool:
        """Say whether a further attempt of a call may go there: they must not become a storm (L18)."""
        budget = self._budgets.setdefault(provider_id, RetryBudget())
        return budget.take(self.clock(), self.calls.get(provider_id, 0))

    def began(self, provider_id: str) -> None:
        """A call's first attempt goes there."""
        self.calls[provider_id] = self.calls.get(provider_id, 0) + 1

    def answered(self, candidate: Candidate, credential: CredentialValue, *, further: bool) -> None:
        """An attempt succeeded."""
        if further and candidate.provider_id in self._budgets:
            self._budgets[candidate.provider_id].give_back()
        if self.circuits:
            self._succeed(candidate.provider_id)
            self._succeed(credential.id)

    def failed(
        self, workspace_id: str, candidate: Candidate, credential: CredentialValue, status: str, fault: str
    ) -> None:
        """An attempt failed; `status` is the attempt's own word for how.

        `fault`: whom it is held against, the provider and the key, only the key, or nobody. A customer's own
        key proves nothing against the provider.
        """
        if status not in FAULTS or not fault:  # it did answer
            for name in (candidate.provider_id, credential.id):
                if self.circuit(name).openings:
                    self._succeed(name)
            return
        self.labels[candidate.provider_id] = Label(workspace_id, candidate.provider_slug)
        whole = [candidate.provider_id] if fault == "provider" and not credential.own else []
        for name in filter(None, (*whole, credential.id)):
            change = self._change(name, Label(workspace_id))
            change.failures += 1
            change.error = status
            self._update(name, lambda known, now: known.fail(now, 1, status))
        pulse.hurry()

    def limited(
        self, workspace_id: str, candidate: Candidate, credential: CredentialValue, seconds: float
    ) -> None:
        """An attempt was refused with the wish to be left alone for so long (429 with Retry-After)."""
        self.labels[candidate.provider_id] = Label(workspace_id, candidate.provider_slug)
        is_alone = len(candidate.credentials) <= 1 and not credential.own  # a customer's own key says nothing
        alone = [candidate.provider_id] if is_alone else []
        for name in filter(None, (*alone, credential.id)):
            self._change(name, Label(workspace_id)).cool_seconds = seconds
            self._update(name, lambda known, now: known.cool(now, seconds))
        pulse.hurry()

    def eject(self, provider_id: str, label: Label) -> None:
        """Open a circuit whose provider fails far more often than the others (L17)."""
        self.labels[provider_id] = label
        change = self._change(provider_id, label)
        change.opens, change.error = True, "outlier"
        self._update(provider_id, lambda known, now: replace(known, error="outlier").opened(now))
        pulse.hurry()

    def close(self, workspace_id: str, circuit_id: str) -> None:
        """Close a circuit because an admin wants the next call to try, and tell the others at once."""
        self._changes[circuit_id] = Change(str(self.labels.get(circuit_id, Label(workspace_id))), "close")
        self._update(circuit_id, lambda known, now: known.closed(now))
        self.exchange()

    def exchange(self) -> None:
        """Tell the other workers what this one saw, and learn what they know."""
        changes, self._changes = self._changes, {}
        words = [word for name, change in changes.items() for word in change.words(name)]
        try:
            opened, *rows = self.store.run(SCRIPT, "1", INDEX, self.now_ms(), *words)
        except RedisAway:
            for name, change in changes.items():
                self._changes[name] = change.then(self._changes.get(name))
            self._drop_old()
            return
        self._adopt(rows)
        for name in opened:
            self._tell(name)

    def _adopt(self, rows: list[list[Any]]) -> None:
        now = self.clock()
        self.labels.update({row[0]: Label(*row[7].split("/", 1)) for row in rows if row[7]})
        known = {row[0]: circuit_of(row, now) for row in rows}
        for name, change in self._changes.items():  # seen while the answer was on its way
            known[name] = change.apply(known.get(name, UNKNOWN), now)
        self.circuits = known
        for name in self._claims.keys() - known.keys():
            del self._claims[name]

    def _tell(self, name: str) -> None:
        label = self.labels.get(name)
        if self.on_open is not None and label is not None and label.slug:
            self.on_open(label, name, self.circuit(name))

    def _succeed(self, name: str) -> None:
        circuit = self.circuits.get(name)
        if circuit is None or circuit.state(self.clock()) == "open":
            return
        change = self._change(name, Label(""))
        change.reset, change.failures, change.error = change.reset or "ok", 0, ""
        self._update(name, lambda known, now: known.succeed(now))
        if circuit.openings:
            pulse.hurry()

    def _change(self, name: str, otherwise: Label) -> Change:
        change = self._changes.get(name)
        if change is None:
            label = self.labels.get(name, otherwise)
            change = self._changes[name] = Change(str(label) if label.workspace_id else "")
        return change

    def _update(self, name: str, step: Callable[[Circuit, float], Circuit]) -> None:
        now = self.clock()
        after = step(self.circuit(name), now)
        if after.is_forgettable(now):
            self.circuits.pop(name, None)
        else:
            self.circuits[name] = after

    def _drop_old(self) -> None:
        now = self.clock()
        for name, circuit in list(self.circuits.items()):
            if circuit.closed_at is not None and now - circuit.closed_at > RECOVERED_SECONDS:
                circuit = self.circuits[name] = replace(circuit, closed_at=None)
            if circuit.is_forgettable(now):
                del self.circuits[name]

    def _claim(self, name: str, circuit: Circuit, now: float) -> bool:
        """Say whether this call may be the probe of a half-open circuit: one of all workers (J9)."""
        if now < self._claims.get(name, 0.0):
            return False
        self._claims[name] = now + PROBE_SECONDS
        try:
            key = f"{INDEX}:{name}:probe:{circuit.openings}"
            won = self.store.command("SET", key, "1", "NX", "PX", str(int(1000 * PROBE_SECONDS))) is not None
        except RedisAway:
            return True
        if not won:
            self._claims[name] = now + ASK_AGAIN_SECONDS
        return won


def order(candidates: tuple[Candidate, ...], cooling: set[str]) -> tuple[Candidate, ...]:
    """Return the candidates, those last that are left alone for now, or their keys that are."""
    first: list[Candidate] = []
    last: list[Candidate] = []
    for candidate in candidates:
        cool = tuple(item for item in candidate.credentials if item.id in cooling)
        if candidate.provider_id in cooling or (cool and len(cool) == len(candidate.credentials)):
            last.append(candidate)
        elif cool:
            warm = tuple(item for item in candidate.credentials if item.id not in cooling)
            first.append(replace(candidate, credentials=warm))
            last.append(replace(candidate, credentials=cool))
        else:
            first.append(candidate)
    return (*first, *last)


def circuit_of(row: list[Any], now: float) -> Circuit:
    """Return what the script answered of one circuit, in this process's time."""
    _, failures, openings, open_ms, cool_ms, closed_ms, error, _ = row
    return Circuit(
        failures=failures,
        openings=openings,
        open_until=now + open_ms / 1000 if openings else 0.0,
        cooling_until=now + cool_ms / 1000 if cool_ms else 0.0,
        closed_at=now - closed_ms / 1000 if closed_ms >= 0 else None,
        error=error,
    )


health = Health()
pulse.jobs.append(health.exchange)
