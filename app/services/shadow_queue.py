"""Calls that have ended and are asked once more in shadow: a bounded queue that nobody waits for (O47).

What is asked stays in this process. Whatever does not fit is dropped and counted.
"""

from __future__ import annotations

import contextvars
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import gevent
import gevent.monkey

from app import lifecycle
from app.domain.calls import Call, Shadowed
from app.domain.records import Record
from app.domain.rollouts import is_compared

log = logging.getLogger(__name__)
AT_ONCE = 4
MOST_WAITING = 100
MOST_BYTES = 16 * 1024 * 1024  # of all bodies that wait


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that has ended, and the number of the version that is asked the same."""

    call: Call
    shadowed: Shadowed
    version: int


class Queue:
    """Hands what waits to `carry`, a few at once; without gevent at once."""

    def __init__(self) -> None:
        self.carry: Callable[[Asked], None] | None = None
        self.dropped = 0
        self._waiting: deque[Asked] = deque()
        self._bytes = 0
        self._running = 0

    def put(self, asked: Asked) -> None:
        """Take one in, or drop it."""
        size = len(asked.call.raw_body)
        if lifecycle.draining() or len(self._waiting) >= MOST_WAITING or self._bytes + size > MOST_BYTES:
            self.dropped += 1
            return
        self._waiting.append(asked)
        self._bytes += size
        if self._running < AT_ONCE:
            self._running += 1
            # In a context of its own: the call may end in the middle of something.
            contextvars.Context().run(self._begin)

    def _begin(self) -> None:
        if gevent.monkey.is_module_patched("socket"):
            gevent.spawn(self._work)
        else:
            self._work()

    def _work(self) -> None:
        try:
            while self._waiting:
                asked = self._waiting.popleft()
                self._bytes -= len(asked.call.raw_body)
                self._carry(asked)
        finally:
            self._running -= 1

    def _carry(self, asked: Asked) -> None:
        if self.carry is None or lifecycle.draining():
            self.dropped += 1
            return
        try:
            self.carry(asked)
        except Exception as error:  # what was asked must not get into the log
            log.error("call %s not compared: %s", asked.shadowed.request_id, type(error).__name__)


queue = Queue()


def offer(record: Record) -> None:
    """Have a call asked in shadow if its rollout wants that; never raises."""
    target, caller, call = record.target, record.caller, record.call
    arm = target.arm if target else None
    if arm is None or caller is None or not is_compared(arm, call.request_id) or not may_be_asked(record):
        return
    history = tuple(record.session.history) if record.session else ()
    shadowed = Shadowed(call.request_id, arm.rollout_id, caller, history)
    queue.put(Asked(call, shadowed, arm.compared_with))


def may_be_asked(record: Record) -> bool:
    """Say whether a call can be asked once more: its provider was asked, and somebody waited for the end.

    Not one that a plugin or a key of the caller's own helped to answer: it would act, or cost them, again.
    """
    was_asked = any(attempt.status != "skipped" for attempt in record.attempts)
    return was_asked and record.outcome != "client_left" and not record.plugins and not record.paid_elsewhere


def stands_alone(record: Record) -> bool:
    """Say whether a call of the old version is one that the new one, in shadow, is never asked.

    Such calls are counted apart: in shadow, only those of the same kind can be compared.
    """
    arm = record.target.arm if record.target else record.error.arm if record.error else None
    return arm is not None and arm.compared_with > 0 and not may_be_asked(record)
