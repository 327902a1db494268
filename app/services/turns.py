"""Lets few calls of this process at a time at the same rows; the others wait without a connection.

A row that many calls change at once is a queue anyway. Whoever waited for it inside the database would hold a
connection of the pool, and once all are taken nobody can finish. What many want to read at once is read once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.exc import OperationalError

from app.domain.errors import Overloaded

T = TypeVar("T")
AT_A_TIME = 2  # one is at the row, the next on its way
WAIT_SECONDS = 5.0


class Queue:
    """Those who wait for the same rows, and those whose turn it is. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.turns = threading.BoundedSemaphore(AT_A_TIME)
        self.members = 0
        self.failed_at = float("-inf")  # when the database failed whoever had a turn
        self.read_since = float("-inf")  # when the newest reading of a turn began


_queues: dict[str, Queue] = {}
_changing = threading.Lock()


@contextmanager
def turn(name: str) -> Iterator[Queue]:
    """Wait for a turn at what has this name; raise Overloaded when it does not come soon.

    Where the database fails the one who has a turn, those who wait are not made to find out one by one.
    """
    queue, came_at = enter(name), time.monotonic()
    try:
        if not queue.turns.acquire(timeout=WAIT_SECONDS):
            raise Overloaded(retry_after_seconds=1)
        try:
            if queue.failed_at > came_at:
                raise Overloaded(retry_after_seconds=1)
            yield queue
        except OperationalError:
            queue.failed_at = time.monotonic()
            raise
        finally:
            queue.turns.release()
    finally:
        leave(name, queue)


def read_once(name: str, known: Callable[[], T | None], read: Callable[[], T]) -> T:
    """Return `read()`, or what somebody else's reading, begun since we came, made known meanwhile."""
    came_at = time.monotonic()
    with turn(name) as queue:
        value = known() if queue.read_since >= came_at else None
        if value is None:
            started = time.monotonic()
            value = read()
            queue.read_since = started
        return value


def enter(name: str) -> Queue:
    """Join the queue."""
    with _changing:
        queue = _queues.setdefault(name, Queue())
        queue.members += 1
        return queue


def leave(name: str, queue: Queue) -> None:
    """Leave the queue; one that nobody is in is forgotten."""
    with _changing:
        queue.members -= 1
        if not queue.members:
            del _queues[name]
