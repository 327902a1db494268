"""Redis with short time limits and a breaker: when it is away, callers are told at once (reliability 1.5).

The hot path speaks to it over connections of our own; jobs, queues and dashboards use redis-py's client.
"""

from __future__ import annotations

import hashlib
import os
import time
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

import gevent
import gevent.event
import gevent.monkey
from hiredis import HiredisError, ReplyError
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.redis_line import Late, Line, thread_of
from app.redis_wire import Address, Wire, pack, raise_errors

T = TypeVar("T")
TIMEOUT_SECONDS = 0.05
FAILURES_TO_OPEN = 5
OPEN_SECONDS = 5.0
MOST_IDLE = 64  # connections of a process without a hub
FAILED = (OSError, HiredisError)


class RedisAway(Exception):
    """Redis did not answer, or the breaker is open. `late`: it was there, only too slow."""

    def __init__(self, *, late: bool = False) -> None:
        super().__init__()
        self.late = late


class Script:
    """A Lua script, which the server knows by its SHA-1 once it has run."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Beside:
    """A second command that rides along with another one, in the same round trip; `answer` is filled."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.answer: Any = None


class RedisStore:
    """One client per process. After five failures in a row nobody asks for five seconds, then one does."""

    def __init__(self) -> None:
        self.client: Redis | None = None
        self.url: str | None = None
        self._address: Address  # once there is a client
        self.changed_at = float("-inf")  # when another server was met: it may know less
        self._server = ""
        self._failures = 0
        self._failure: Exception | None = None  # the last one
        self._closed_until = 0.0
        self._line: Line | None = None  # what the greenlets of a worker share
        self._opening: gevent.event.AsyncResult[Line] | None = None
        self._idle: list[Wire] = []  # elsewhere: connections that are ready to be used
        _stores.add(self)

    def configure(self, url: str) -> None:
        """Bind to `url`; nothing connects yet."""
        self.close()
        self.url, self._address = url, Address(url, TIMEOUT_SECONDS)
        self.client = Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            decode_responses=True,
        )

    def close(self) -> None:
        """Close the connections of the hot path."""
        if self._line is not None:
            self._line.close()
            self._line = None
        while self._idle:
            self._idle.pop().close()

    def forget_connections(self) -> None:
        """Know no connections: in a process that was forked they are its parent's."""
        self._line = self._opening = None
        self._idle = []

    def patient_client(self) -> Redis:
        """Return a client without the short time limits, for a job worker that waits on its queue."""
        if self.url is None:
            raise RedisAway
        return Redis.from_url(self.url)

    def ask(self, question: Callable[[Redis], T]) -> T:
        """Return `question(client)`; raise RedisAway when Redis fails, hangs or is known to be away."""
        now = time.monotonic()
        if self.client is None or now < self._closed_until:
            raise self._away()
        try:
            answer = question(self.client)
        except (RedisError, OSError) as error:
            self._note_failure(now, error)
            raise self._away() from error
        self._failures = 0
        return answer

    def tell(self, order: Callable[[Redis], Any]) -> bool:
        """Do `order(client)` if Redis is there; say whether it was done."""
        try:
            self.ask(order)
        except RedisAway:
            return False
        return True

    def command(self, *words: str, beside: Beside | None = None) -> Any:
        """Return the answer to one command, without the client's own overhead: for the hot path."""
        return self._answer(words, beside)

    def run(self, script: Script, *words: str, beside: Beside | None = None) -> Any:
        """Return what a script answers to the number of its keys, its keys and its arguments."""
        return self._answer(("EVALSHA", script.sha, *words), beside, script)

    def post(self, script: Script, *words: str) -> None:
        """Send a script its words and go on: the answer is read later, and a failure is of no matter."""
        self.send("EVALSHA", script.sha, *words)

    def send(self, *words: str) -> None:
        """Send a command and go on: the answer is read later, and a failure is of no matter."""
        if self.client is None or time.monotonic() < self._closed_until:
            return
        packed = pack(words)
        try:
            line = self._line_of()
            if line is not None:
                line.send(packed)
                return
            wire = self._take()
            wire.send(packed)
        except FAILED:
            return
        if gevent.monkey.is_module_patched("socket"):
            gevent.spawn(self._read_later, wire)
        else:
            self._read_later(wire)

    def _answer(self, words: tuple[str, ...], beside: Beside | None, script: Script | None = None) -> Any:
        now = time.monotonic()
        if self.client is None or now < self._closed_until:
            raise self._away()
        try:
            answer = self._exchange(words, beside)
            if script is not None and isinstance(answer, ReplyError) and is_unknown(answer):
                answer = self._exchange(("EVAL", script.text, *words[2:]))  # a server that was restarted
            if isinstance(answer, ReplyError):
                raise answer
        except FAILED as error:
            self._note_failure(now, error)
            raise self._away() from error
        self._failures = 0
        return answer

    def _exchange(self, words: tuple[str, ...], beside: Beside | None = None) -> Any:
        """Return the answer of one round trip, which may be a ReplyError; raise what FAILED names."""
        line = self._line_of()
        exchange = self._exchange_alone if line is None else line.exchange
        if beside is None:
            return exchange(pack(words), 1)[0]
        beside.answer, answer = replies = exchange(pack(beside.words) + pack(words), 2)
        raise_errors(replies[:1])
        return answer

    def _line_of(self) -> Line | None:
        """Return the line that this worker's greenlets share; None where there is none to share.

        Encrypted connections have none, nor has a process without a hub, nor any other thread.
        """
        line = self._line
        if line is not None and line.failure is None and line.thread == thread_of():
            return line
        if self._address.is_encrypted or not gevent.monkey.is_module_patched("socket"):
            return None
        if line is not None and line.thread != thread_of():
            return None
        return self._opened_line() if gevent.get_hub().main_hub else None

    def _opened_line(self) -> Line:
        """Open the line, once for all who want it now."""
        if self._opening is not None:
            return self._opening.get()  # type: ignore[no-any-return]
        self._opening = opening = gevent.event.AsyncResult()
        try:
            self._line = line = Line(self._address)
            server = line.server()
            if server != self._server or not server:
                self._server, self.changed_at = server, time.monotonic()
            opening.set(line)
        except BaseException as error:
            opening.set_exception(error if isinstance(error, Exception) else OSError("interrupted"))
            raise
        finally:
            self._opening = None
        return line

    def _exchange_alone(self, packed: bytes, wanted: int) -> list[Any]:
        wire = self._take()
        try:
            replies = wire.exchange(packed, wanted)
        except BaseException:
            wire.close()
            while self._idle:  # the other idle ones died with the server, and each would count as a failure
                self._idle.pop().close()
            raise
        self._give_back(wire)
        return replies

    def _take(self) -> Wire:
        while self._idle:
            wire = self._idle.pop()
            if wire.thread == thread_of():  # a hub's sockets are of no use in another thread
                return wire
            wire.close()
        return Wire(self._address, thread_of())

    def _give_back(self, wire: Wire) -> None:
        if len(self._idle) < MOST_IDLE:
            self._idle.append(wire)
        else:
            wire.close()

    def _read_later(self, wire: Wire) -> None:
        try:
            wire.read(1)  # what a script that is not known was to correct went with it
        except FAILED:
            wire.close()
        else:
            self._give_back(wire)

    def _away(self) -> RedisAway:
        return RedisAway(late=isinstance(self._failure, Late))

    def _note_failure(self, now: float, error: Exception) -> None:
        """Count a failure; what met all who waited on one line counts once."""
        if error is self._failure:
            return
        self._failure = error
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            self._closed_until = now + OPEN_SECONDS
            self._failures = FAILURES_TO_OPEN - 1


def is_unknown(error: ReplyError) -> bool:
    """Say whether the server does not know a script, so that it must be sent whole."""
    return str(error).startswith("NOSCRIPT")


def forget_all_connections() -> None:
    """Let a forked process open connections of its own."""
    for store in list(_stores):
        store.forget_connections()


_stores: weakref.WeakSet[RedisStore] = weakref.WeakSet()
os.register_at_fork(after_in_child=forget_all_connections)
