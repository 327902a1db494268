"""One request and its answer on the wire, behind the face that requests' HTTPAdapter expects of urllib3."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from app.domain.addresses import Target
from app.domain.calls import Cancellation
from app.domain.provider_errors import ProviderFailed, ProviderTimedOut
from app.egress.connection import READ_BYTES, Connection, connect
from app.egress.endings import Interrupted, ended_early
from app.egress.pool import Pool
from app.egress.wire import Framing, Head, Malformed, framing, request_head, split_head

MAX_BODY_BYTES = 64 << 20
FAIR_SECONDS = 0.005  # after so long without a wait the other greenlets get a turn
WAITED_SECONDS = 0.0002  # a read that took longer was a wait

pool = Pool()


class WireResponse:
    """A response whose head is read. `read1` waits until `until` at most and then raises TimeoutError."""

    reason = ""
    version = 11

    def __init__(self, exchange: Exchange, connection: Connection, head: Head, method: str) -> None:
        self.status = head.status
        self.headers = head.headers
        self.until = exchange.until
        self._exchange = exchange
        self._connection = connection
        self._keep_alive = head.keep_alive
        self._framing: Framing = framing(method, head)
        self._ready = self._framing.feed(head.rest)
        self._total = len(self._ready)
        self._turn_at = 0.0
        self._closed = False

    def read1(self, size: int = READ_BYTES, decode_content: bool | None = None) -> bytes:
        """Return the next bytes as they came, b"" at the end; raises TimeoutError, Interrupted."""
        data, self._ready = self._ready, b""
        while not data and not self._framing.done:
            data = self._receive(size)
        return data

    def finish(self) -> None:
        """Give the connection back: the answer is whole but for, perhaps, its last few bytes."""
        self._leave(self._keep_alive and not self._framing.extra)

    def close(self) -> None:
        """Give up on the answer, unless it is whole."""
        self._leave(self._keep_alive and self._framing.done and not self._framing.extra)

    release_conn = close

    def _receive(self, size: int) -> bytes:
        started = time.monotonic()
        if started - self._turn_at > FAIR_SECONDS:
            time.sleep(0)
            self._turn_at = started
        try:
            raw = self._connection.receive(self.until, size)
            data = self._framing.feed(raw) if raw else b""
            if not raw:
                self._framing.end()
        except TimeoutError:
            raise
        except (OSError, Malformed):
            raise Interrupted from None
        if time.monotonic() - started > WAITED_SECONDS:
            self._turn_at = time.monotonic()
        self._total += len(data)
        if self._total > MAX_BODY_BYTES:
            raise Interrupted("the answer is too large")
        return data

    def _leave(self, reusable: bool) -> None:
        if self._closed:
            return
        self._closed = True
        self._exchange.let_go()
        if reusable:
            self._connection.framing = self._framing
            pool.put(self._connection)
        else:
            self._connection.close()


class Exchange:
    """One attempt. It ends at `until` or when cancelled, whatever it waits for at that moment."""

    def __init__(
        self,
        target: Target,
        private_upstreams: frozenset[tuple[str, int]],
        until: float,
        cancellation: Cancellation,
    ) -> None:
        self.target = target
        self.until = until
        self._private_upstreams = private_upstreams
        self._cancellation = cancellation
        self._connection: Connection | None = None
        self._forget = cancellation.on_cancel(self.abort)

    def abort(self) -> None:
        """Wake up whoever waits for this exchange."""
        if self._connection is not None:
            self._connection.abort()

    def let_go(self) -> None:
        """The connection is no longer ours: cancelling must not touch it."""
        self._forget()
        self._connection = None

    def urlopen(
        self, *, method: str, body: bytes | None, headers: Mapping[str, str], **_unused: Any
    ) -> WireResponse:
        """Send the request and read the head of the answer; raises GatewayError only."""
        try:
            request = request_head(method, self.target, headers) + (body or b"")
            return self._send(method, request)
        except TimeoutError:
            failure: Exception = ProviderTimedOut()
        except OSError:
            failure = ProviderFailed("The connection to the model provider broke.")
        except Malformed as error:
            failure = ProviderFailed(f"The model provider sent something that is not HTTP: {error}.")
        except BaseException:
            self._drop()
            raise
        self._drop()
        raise ended_early(self._cancellation) or failure from None

    def _send(self, method: str, request: bytes) -> WireResponse:
        """Try an idle connection first; one that proves stale before it says anything is replaced once."""
        idle = pool.take(self.target)
        if idle is not None:
            try:
                return self._ask(idle, method, request)
            except StaleConnection:
                idle.close()
        try:
            return self._ask(self._connect(), method, request)
        except StaleConnection:
            raise OSError from None

    def _connect(self) -> Connection:
        self._raise_if_cancelled()
        return connect(self.target, self._private_upstreams, self._watch)

    def _ask(self, connection: Connection, method: str, request: bytes) -> WireResponse:
        self._watch(connection)
        self._raise_if_cancelled()
        data = self._first_bytes(connection, request)
        while True:
            head = split_head(data)
            if head is None:
                more = connection.receive(self.until)
                if not more:
                    raise Malformed("the answer ended in its head")
                data += more
            elif head.status < 200:
                data = head.rest
            else:
                return WireResponse(self, connection, head, method)

    def _first_bytes(self, connection: Connection, request: bytes) -> bytes:
        try:
            connection.send(request, self.until)
            data = connection.receive(self.until)
        except TimeoutError:
            raise
        except OSError:
            raise StaleConnection from None
        if not data:
            raise StaleConnection
        return data

    def _watch(self, connection: Connection) -> None:
        self._connection = connection

    def _raise_if_cancelled(self) -> None:
        error = ended_early(self._cancellation)
        if error is not None:
            raise error

    def _drop(self) -> None:
        connection = self._connection
        self.let_go()
        if connection is not None:
            connection.close()


class StaleConnection(Exception):
    """The peer closed before one byte of its answer."""
