"""Redis with short time limits and a breaker: when it is away, callers are told at once (reliability 1.5)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

T = TypeVar("T")
TIMEOUT_SECONDS = 0.05
FAILURES_TO_OPEN = 5
OPEN_SECONDS = 5.0


class RedisAway(Exception):
    """Redis did not answer, or the breaker is open."""


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

    def command(self, *words: str) -> Any:
        """Return the answer to one command, without the client's own overhead: for the hot path."""
        return self.ask(lambda client: self._exchange(client, words))

    def _exchange(self, client: Redis, words: tuple[str, ...]) -> Any:
        connection = self._idle.pop() if self._idle else client.connection_pool.make_connection()
        try:
            connection.send_command(*words, check_health=False)
            answer = connection.read_response()
        except BaseException:
            connection.disconnect()
            self.close()  # the other idle ones died with the server, and each would count as a failure
            raise
        self._idle.append(connection)
        return answer

    def _note_failure(self, now: float) -> None:
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            self._closed_until = now + OPEN_SECONDS
            self._failures = FAILURES_TO_OPEN - 1
