"""Redis with short time limits and a breaker: when it is away, callers are told at once (reliability 1.5)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any, TypeVar

import gevent
import gevent.monkey
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

T = TypeVar("T")
TIMEOUT_SECONDS = 0.05
FAILURES_TO_OPEN = 5
OPEN_SECONDS = 5.0


class RedisAway(Exception):
    """Redis did not answer, or the breaker is open."""


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
        self._failures = 0
        self._closed_until = 0.0
        self._idle: list[Any] = []  # connections of the hot path, ready to be used

    def configure(self, url: str) -> None:
        """Bind to `url`; nothing connects yet."""
        self.close()
        self.url = url
        self.client = Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            decode_responses=True,
        )

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().disconnect()

    def patient_client(self) -> Redis:
        """Return a client without the short time limits, for a job worker that waits on its queue."""
        if self.url is None:
            raise RedisAway
        return Redis.from_url(self.url)

    def ask(self, question: Callable[[Redis], T]) -> T:
        """Return `question(client)`; raise RedisAway when Redis fails, hangs or is known to be away."""
        now = time.monotonic()
        if self.client is None or now < self._closed_until:
            raise RedisAway
        try:
            answer = question(self.client)
        except (RedisError, OSError) as error:
            self._note_failure(now)
            raise RedisAway from error
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
        return self.ask(lambda client: self._exchange(client, words, beside))

    def run(self, script: Script, *words: str, beside: Beside | None = None) -> Any:
        """Return what a script answers to the number of its keys, its keys and its arguments."""
        return self.ask(lambda client: self._run(client, script, words, beside))

    def post(self, script: Script, *words: str) -> None:
        """Send a script its words and go on: the answer is read later, and a failure is of no matter."""
        self.send("EVALSHA", script.sha, *words)

    def send(self, *words: str) -> None:
        """Send a command and go on: the answer is read later, and a failure is of no matter."""
        if self.client is None or time.monotonic() < self._closed_until:
            return
        connection = self._take(self.client)
        try:
            connection.send_command(*words, check_health=False)
        except (RedisError, OSError):
            connection.disconnect()
            return
        if gevent.monkey.is_module_patched("socket"):
            gevent.spawn(self._read_later, connection)
        else:
            self._read_later(connection)

    def _run(self, client: Redis, script: Script, words: tuple[str, ...], beside: Beside | None) -> Any:
        try:
            return self._exchange(client, ("EVALSHA", script.sha, *words), beside)
        except NoScriptError:  # a server that was restarted
            return self._exchange(client, ("EVAL", script.text, *words))

    def _exchange(self, client: Redis, words: tuple[str, ...], beside: Beside | None = None) -> Any:
        connection = self._take(client)
        try:
            if beside is None:
                connection.send_command(*words, check_health=False)
            else:
                both = connection.pack_commands((beside.words, words))
                connection.send_packed_command(both, check_health=False)
                beside.answer = connection.read_response()
            answer = connection.read_response()
        except NoScriptError:
            self._idle.append(connection)
            raise
        except BaseException:
            connection.disconnect()
            self.close()  # the other idle ones died with the server, and each would count as a failure
            raise
        self._idle.append(connection)
        return answer

    def _take(self, client: Redis) -> Any:
        return self._idle.pop() if self._idle else client.connection_pool.make_connection()

    def _read_later(self, connection: Any) -> None:
        try:
            connection.read_response()
        except NoScriptError:  # what it was to correct went with the script
            pass
        except (RedisError, OSError):
            connection.disconnect()
            return
        self._idle.append(connection)

    def _note_failure(self, now: float) -> None:
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            self._closed_until = now + OPEN_SECONDS
            self._failures = FAILURES_TO_OPEN - 1
