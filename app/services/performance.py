"""How fast and how reliably each model of a workspace answered in the last five minutes, over all workers.

Counted in this process at the end of each call, exchanged by the pulse in buckets of a minute, read from
memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from redis import Redis

from app.domain.performance import WINDOW_MINUTES, Counts, Stats, added, observations, stats_of
from app.domain.records import Record
from app.extensions import redis
from app.redis_store import RedisAway, RedisStore
from app.services.pulse import pulse

KEPT_SECONDS = 360
ACTIVE_SECONDS = 300.0  # so long a workspace's numbers are kept up to date after they were last asked for
MOST_MODELS = 500  # of one workspace in one minute; strangers make up names
MOST_WAITING = 20_000  # counts that Redis was not told of yet
Minute = dict[str, dict[str, int]]  # by model


class Book:
    """The counts as this process knows them: what all told Redis, and its own that it has not told yet."""

    def __init__(self, store: RedisStore = redis, clock: Callable[[], float] = time.time) -> None:
        self.store, self.clock = store, clock
        self._known: dict[str, dict[int, Minute]] = {}
        self._untold: dict[tuple[str, int], Minute] = {}
        self._active: dict[str, float] = {}
        self._stats: dict[tuple[str, str], Stats] = {}

    def forget(self) -> None:
        """Know nothing."""
        self._known.clear()
        self._untold.clear()
        self._active.clear()
        self._stats.clear()

    def note(self, record: Record) -> None:
        """Count what a call tells of the models that it asked."""
        if record.target is None or not record.attempts:
            return
        now, workspace_id = self.clock(), record.target.workspace_id
        minute = self._untold.setdefault((workspace_id, int(now // 60)), {})
        for model_id, names in observations(record):
            counts = minute.get(model_id)
            if counts is None:
                if len(minute) >= MOST_MODELS:
                    continue
                counts = minute[model_id] = {}
            for name in names:
                counts[name] = counts.get(name, 0) + 1
            self._stats.pop((workspace_id, model_id), None)
        self._active[workspace_id] = now
        pulse.touch()

    def of(self, workspace_id: str, model_id: str) -> Stats:
        """Return the last five minutes of a model, from memory; without samples when nothing is known."""
        found = self._stats.get((workspace_id, model_id))
        if found is None:
            self.keep_up(workspace_id)
            found = stats_of(added(self._counts(workspace_id, model_id)))
            self._stats[workspace_id, model_id] = found
        return found

    def keep_up(self, workspace_id: str) -> None:
        """Have the workspace's numbers kept up to date here from now on."""
        self._active[workspace_id] = self.clock()
        pulse.touch()

    def by_minute(self, workspace_id: str) -> list[tuple[int, Minute]]:
        """Return the minutes of the window, oldest first, each with its models' counts."""
        last = int(self.clock() // 60)
        return [(number, self._minute(workspace_id, number)) for number in window(last)]

    def exchange(self) -> None:
        """Tell the other workers what was counted here, and learn what they counted."""
        now = self.clock()
        self._active = {name: at for name, at in self._active.items() if now - at < ACTIVE_SECONDS}
        self._drop_old(int(now // 60))
        if not self._active:
            return
        untold, self._untold = self._untold, {}
        asked = [(name, number) for name in self._active for number in self._missing(name, int(now // 60))]
        try:
            answers = self.store.ask(lambda client: exchange(client, untold, asked))
        except RedisAway:
            self._untold = merged(untold, self._untold)
        else:
            for (name, number), answer in zip(asked, answers, strict=True):
                self._known.setdefault(name, {})[number] = read(answer)
        self._stats.clear()

    def _counts(self, workspace_id: str, model_id: str) -> Iterable[Counts]:
        known = self._known.get(workspace_id, {})
        for number in window(int(self.clock() // 60)):
            for minute in (known.get(number), self._untold.get((workspace_id, number))):
                if minute and model_id in minute:
                    yield minute[model_id]

    def _minute(self, workspace_id: str, number: int) -> Minute:
        told = self._known.get(workspace_id, {}).get(number, {})
        untold = self._untold.get((workspace_id, number), {})
        return both(told, untold)

    def _missing(self, workspace_id: str, last: int) -> list[int]:
        known = self._known.get(workspace_id, {})
        return [number for number in window(last) if number >= last - 1 or number not in known]

    def _drop_old(self, last: int) -> None:
        kept = set(window(last))
        self._untold = {place: minute for place, minute in self._untold.items() if place[1] in kept}
        self._known = {
            name: {number: minute for number, minute in minutes.items() if number in kept}
            for name, minutes in self._known.items()
            if name in self._active
        }


def window(last: int) -> range:
    """Return the numbers of the minutes that count, the last one included."""
    return range(last - WINDOW_MINUTES + 1, last + 1)


def exchange(
    client: Redis, untold: Mapping[tuple[str, int], Minute], asked: list[tuple[str, int]]
) -> list[dict[str, str]]:
    """Add what is untold, and return what is asked for: each minute's counts by model and name."""
    with client.pipeline(transaction=False) as pipe:
        told = 0
        for (workspace_id, number), minute in untold.items():
            key = key_of(workspace_id, number)
            for model_id, counts in minute.items():
                for name, count in counts.items():
                    pipe.hincrby(key, f"{name} {model_id}", count)
                    told += 1
            pipe.expire(key, KEPT_SECONDS)
            told += 1
        for workspace_id, number in asked:
            pipe.hgetall(key_of(workspace_id, number))
        return pipe.execute()[told:]


def read(answer: Mapping[str, str]) -> Minute:
    """Return one minute's counts by model."""
    minute: dict[str, Any] = {}
    for field, count in answer.items():
        name, _, model_id = field.partition(" ")
        minute.setdefault(model_id, {})[name] = int(count)
    return minute


def merged(
    older: dict[tuple[str, int], Minute], newer: dict[tuple[str, int], Minute]
) -> dict[tuple[str, int], Minute]:
    """Return both, as much of it as may wait for Redis."""
    if sum(len(minute) for minute in older.values()) > MOST_WAITING:
        return newer
    all_of_it = dict(older)
    for place, minute in newer.items():
        all_of_it[place] = both(all_of_it.get(place, {}), minute)
    return all_of_it


def both(one: Minute, other: Minute) -> Minute:
    """Return the counts of two minutes together."""
    return {name: added((one.get(name, {}), other.get(name, {}))) for name in one.keys() | other.keys()}


def key_of(workspace_id: str, number: int) -> str:
    """Return the Redis key of a workspace's minute."""
    return f"sluice:performance:{workspace_id}:{number}"


book = Book()
pulse.jobs.append(book.exchange)


def of(workspace_id: str, model_id: str) -> Stats:
    """Return how a model answered in the last five minutes; `samples` is 0 where nothing is known."""
    return book.of(workspace_id, model_id)


def note(record: Record) -> None:
    """Count what a call tells of the models that it asked; never raises. One in shadow tells nothing."""
    if record.call.shadowed is None:
        book.note(record)
