"""Counts calls against their limits: one script in Redis, or this process alone while Redis is away."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

from app.domain.limits import Counted, Full, Limiter
from app.domain.windows import Leases, Window, counter_for
from app.extensions import redis
from app.redis_store import Beside, Script
from app.services import stamps
from app.services.cache import Cache

SCRIPT = Script(Path(__file__).with_name("limiter.lua").read_text(encoding="utf-8"))
ANY_STAMP = "*"
NO_STAMP_FITS = "-"
MOST_LOCAL = 20_000


class Failopen:
    """How this process stands in for Redis."""

    total = 0  # calls counted here alone because Redis was away
    workers = 1  # processes that share each limit; set once at start


failopen = Failopen()
_local: Cache[str, Window | Leases] = Cache(MOST_LOCAL)
_owed: deque[tuple[str, ...]] = deque(maxlen=MOST_LOCAL)  # leases that a hung Redis may give when it wakes


def count(
    limiters: tuple[Limiter, ...],
    workspace_id: str,
    stamp: str,
    member: str,
    tokens: int,
    now_ms: str = "",
    beside: Beside | None = None,
) -> Counted | Full | None:
    """Count one call in all limiters at once, or in none; None: the stamp is not the workspace's any more.

    `now_ms` stands in for the server's clock. `beside` rides along. Raises RedisAway.
    """
    words = [stamps.name(workspace_id), *(key_of(limiter) for limiter in limiters)]
    arguments = ["admit", stamp, member, now_ms]
    for limiter in limiters:
        arguments += (*limiter.words, str(limiter.cost(tokens)))
    answer = redis.run(SCRIPT, str(len(words)), *words, *arguments, beside=beside)
    while _owed:
        redis.post(SCRIPT, *_owed.popleft())
    if answer[0] == "stale":
        return None
    if answer[0] == "full":
        return Full(limiters[answer[2] - 1], answer[3])
    left = tuple(zip(answer[2::2], answer[3::2], strict=True))
    return Counted(limiters, left, tokens, answer[1])


def give_back(counted: Counted, member: str, tokens: int, now_ms: str = "") -> None:
    """End the call's leases and correct its tokens to those it used; nobody waits for it."""
    corrections = [(item, correction(item, counted, tokens)) for item in counted.limiters]
    owed = [(item, delta) for item, delta in corrections if delta or not item.window_ms]
    if counted.local:
        for limiter, delta in owed:
            local_counter(limiter).give_back(member, delta, counted.at_ms, clock_ms())
        owed = [(item, 0) for item, _ in owed if counted.doubtful and not item.window_ms]
    if not owed:
        return
    arguments = ["release", ANY_STAMP, member, now_ms]
    for limiter, delta in owed:
        arguments += (limiter.words[0], str(counted.at_ms), str(delta))
    keys = ["", *(key_of(limiter) for limiter, _ in owed)]
    words = (str(len(keys)), *keys, *arguments)
    if counted.doubtful:
        _owed.append(words)
    else:
        redis.post(SCRIPT, *words)


def correction(limiter: Limiter, counted: Counted, tokens: int) -> int:
    """Return what must be added to what the limiter counted for the call."""
    return tokens - limiter.cost(counted.tokens) if limiter.kind == "tokens_per_minute" else 0


def count_locally(
    limiters: tuple[Limiter, ...], member: str, tokens: int, *, doubtful: bool = False
) -> Counted | Full:
    """Count one call in this process, which may use its share of each limit."""
    failopen.total += 1
    now = clock_ms()
    asked = [(local_counter(item), share(item.limit), item.cost(tokens), item) for item in limiters]
    waits = [(counter.wait(limit, min(cost, limit), now), item) for counter, limit, cost, item in asked]
    longest, fullest = max(waits, key=lambda pair: pair[0])
    if longest > 0:
        return Full(fullest, longest)
    left = tuple(counter.count(limit, cost, member, now) for counter, limit, cost, _ in asked)
    return Counted(limiters, left, tokens, now, local=True, doubtful=doubtful)


def share(limit: int) -> int:
    """Return this process's part of a limit, rounded up."""
    return -(-limit // failopen.workers)


def local_counter(limiter: Limiter) -> Window | Leases:
    """Return the limiter's counter in this process."""
    counter = _local.get(limiter.name)
    if counter is None:
        counter = counter_for(limiter)
        _local.put(limiter.name, counter)
    return counter


def clock_ms() -> int:
    """Return the time as this process counts it."""
    return time.monotonic_ns() // 1_000_000


def key_of(limiter: Limiter) -> str:
    """Return the limiter's Redis key."""
    return f"sluice:limit:{limiter.name}"


def forget_all() -> None:
    """Drop what this process counted."""
    _local.clear()
    _owed.clear()
