"""Configuration stamps: a random value per workspace in Redis, renewed after each committed change.

What a worker caches carries the stamp it was read under; a call compares it in its one Redis round trip.
"""

from __future__ import annotations

import secrets
import time

import gevent
import gevent.monkey

from app.database import database
from app.domain.callers import Caller
from app.extensions import redis
from app.redis_store import Beside, RedisAway

AWAY_TTL_SECONDS = 1.0  # how long cached rows serve while Redis cannot be asked
MOST_AGE_SECONDS = 300.0
TRIES = 3
RETRY_SECONDS = 0.2

_owed: set[str] = set()  # workspaces whose stamp could not be renewed yet


def name(workspace_id: str) -> str:
    """Return the stamp's Redis key."""
    return f"sluice:stamp:{workspace_id}"


def renew(workspace_id: str) -> None:
    """Make every worker's cached rows of the workspace stale; a server catches up once Redis is back."""
    if any(set_new(workspace_id) for _ in range(TRIES)) or not gevent.monkey.is_module_patched("socket"):
        return
    if not _owed:
        gevent.spawn(catch_up)
    _owed.add(workspace_id)


def set_new(workspace_id: str) -> bool:
    """Set a new stamp; say whether it was done."""
    return redis.tell(lambda client: client.set(name(workspace_id), secrets.token_hex(8)))


def catch_up() -> None:
    """Renew what is owed, however long Redis stays away."""
    while _owed:
        workspace_id = next(iter(_owed))
        if set_new(workspace_id):
            _owed.discard(workspace_id)
        else:
            gevent.sleep(RETRY_SECONDS)


def current(workspace_id: str) -> str | None:
    """Return the stamp now; None when there is none or Redis is away."""
    try:
        stamp = redis.ask(lambda client: client.get(name(workspace_id)))
    except RedisAway:
        return None
    return None if stamp is None else str(stamp)


def is_fresh(
    workspace_id: str, config_stamp: str | None, read_at: float, beside: Beside | None = None
) -> bool:
    """Say whether rows read at `read_at` (monotonic seconds) under `config_stamp` may still be used.

    `beside` rides along.
    """
    try:
        stamp = redis.command("GET", name(workspace_id), beside=beside)
    except RedisAway as away:
        return is_fresh_while_away(read_at, away)
    return stamp == config_stamp and is_recent(read_at)


def is_recent(read_at: float) -> bool:
    """Say whether a stamp may vouch for rows read then: not too old, and Redis was there ever since."""
    now = time.monotonic()
    return now - read_at < MOST_AGE_SECONDS and read_at > _last_away.at and read_at > redis.changed_at


def begin(caller: Caller) -> float:
    """Return when a reading of configuration that begins now counts as begun (monotonic seconds).

    In a transaction that is open already it may see what was before: it counts as read with the caller.
    """
    return caller.read_at if database.is_open else time.monotonic()


def holds_for(caller: Caller, config_stamp: str | None, read_at: float) -> bool:
    """Say whether configuration whose reading began at `read_at`, under `config_stamp`, holds for a caller.

    It does where it was read after the caller, whose own stamp is checked, and where it was read under the
    same stamp, in force when the caller was read. Else each key would read its project's models again.
    """
    if read_at >= caller.read_at:
        return True
    return config_stamp == caller.config_stamp is not None and is_recent(read_at)


def is_fresh_while_away(read_at: float, away: RedisAway) -> bool:
    """Note that Redis cannot be asked; say whether rows read at `read_at` serve meanwhile.

    One that is only slow forgets nothing: to read all rows again then would make a busy machine slower still.
    """
    now = time.monotonic()
    if not away.late:
        _last_away.at = now
    return now - read_at < AWAY_TTL_SECONDS


class LastAway:
    """When this process last lost Redis: what it read before may have changed without a new stamp."""

    at = float("-inf")


_last_away = LastAway()
