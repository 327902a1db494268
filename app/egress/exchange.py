"""One request and its answer on the wire."""

from __future__ import annotations

import time
from collections.abc import Mapping

from app.domain.calls import Cancellation
from app.domain.provider_errors import ProviderFailed, ProviderTimedOut
from app.egress.connection import READ_BYTES, Connection
from app.egress.endings import Interrupted, ended_early
from app.egress.pool import Pool
from app.egress.reach import Lookup, connect
from app.egress.reader import Reader
from app.egress.wire import Destination, Malformed, request_head

MAX_BODY_BYTES = 64 << 20
FAIR_SECONDS = 0.005  # after so long without a wait the other greenlets get a turn
WAITED_SECONDS = 0.0002  # a read that took longer was a wait

connections = Pool()


class WireResponse:
    """A response whose head is read. `read1` waits until `until` at most and then raises TimeoutError."""

    __slots__ = (
        "_closed", "_connection", "_exchange", "_reader", "_ready", "_total", "_turn_at",
        "headers", "status", "until",
    )  # fmt: skip

    def __init__(self, exchange: Exchange, connection: Connection, reader: Reader, ready: bytes) -> None:
        self.status = reader.status
        self.headers = reader.headers
        self.until = exchange.until
        self._exchange = exchange
        self._connection = connection
        self._reader = reader
        self._ready = ready
        self._total = len(ready)
        self._turn_at = time.monotonic()  # the head was waited for
        self._closed = False

    def read1(self, size: int = READ_BYTES, decode_content: bool | None = None) -> bytes:
        """Return the next bytes as they came, b"" at the end; raises TimeoutError, Interrupted."""
        data, self._ready = self._ready, b""
        while not data and not self._reader.done:
            data = self._receive(size)
        return data

    def finish(self) -> None:
        """Give the connection back: the answer is whole but for, perhaps, its last few bytes."""
        reader = self._reader
        self._leave(reader.keep_alive and not reader.extra)

    def close(self) -> None:
        """Give up on the answer, unless it is whole."""
        reader = self._reader
        self._leave(reader.done and reader.keep_alive and not reader.extra)

    release_conn = close

    def _receive(self, size: int) -> bytes:
        started = time.monotonic()
        if started - self._turn_at > FAIR_SECONDS:
            time.sleep(0)
            self._turn_at = started
        if started >= self.until:  # bytes that never stop must not carry it past the end
            raise TimeoutError
        try:
            raw = self._connection.receive(self.until, size)
            data = self._reader.feed(raw) if raw else b""
            if not raw:
                self._reader.end()
        except TimeoutError:
            raise
        except (OSError, Malformed):
            raise Interrupted from None
        now = time.monotonic()
        if now - started > WAITED_SECONDS:
            self._turn_at = now
        self._total += len(data)
        if self._total > MAX_BODY_BYTES:
            raise Interrupted("the answer is too large")
        return data

    def _leave(self, reusable: bool) -> None:
        if self._closed:
            return
        self._closed = True
        self._exchange.leave(self._connection, self._reader, reusable)


class Exchange:
    """One attempt. It ends at `until` or when cancelled, whatever it waits for at that moment."""

    __slots__ = ("_cancellation", "_connection", "_destination", "_forget", "_private_upstreams", "until")

    def __init__(
        self,
        destination: Destination,
        private_upstreams: frozenset[tuple[str, int]],
        until: float,
        cancellation: Cancellation,
    ) -> None:
        self.until = until
        self._destination = destination
        self._private_upstreams = private_upstreams
        self._cancellation = cancellation
        self._connection: Connection | Lookup | None = None
        self._forget = cancellation.on_cancel(self.abort)

    def abort(self) -> None:
        """Wake up whoever waits for this exchange."""
        connection = self._connection
        if connection is not None:
            connection.abort()

    def ask(self, method: str, headers: Mapping[str, str], body: bytes | None) -> WireResponse:
        """Send the request and read the head of the answer; raises GatewayError only."""
        try:
            head = request_head(self._destination.start, headers)
            return self._send(method, head + body if body else head)
        except TimeoutError:
            failure: Exception = ProviderTimedOut()
        except OSError:
            failure = ProviderFailed("The connection to the model provider broke.")
        except ProviderFailed as error:
            failure = error
        except Malformed as error:
            failure = ProviderFailed(f"The model provider sent something that is not HTTP: {error}.")
        except BaseException:
            self._drop()
            raise
        self._drop()
        raise ended_early(self._cancellation) or failure from None

    def leave(self, connection: Connection, reader: Reader, reusable: bool) -> None:
        """The answer is done with: keep its connection, or close it. Cancelling touches it no more."""
        self._let_go()
        if reusable:
            connections.put(connection, self._destination.origin, None if reader.done else reader)
        else:
            connection.close()
        if reader.done or not reusable:
            reader.close()

    def _send(self, method: str, request: bytes) -> WireResponse:
        """Try an idle connection first; one that proves stale before it says anything is replaced once."""
        idle = connections.take(self._destination.origin)
        if idle is not None:
            try:
                return self._ask(idle, method, request)
            except StaleConnection:
                idle.close()
        self._raise_if_cancelled()
        try:
            fresh = connect(self._destination.target, self._private_upstreams, self._watch)
            return self._ask(fresh, method, request)
        except StaleConnection:
            raise OSError from None

    def _ask(self, connection: Connection, method: str, request: bytes) -> WireResponse:
        self._connection = connection
        self._raise_if_cancelled()
        data = self._first_bytes(connection, request)
        reader = Reader(method)
        try:
            ready = reader.feed(data)
            while not reader.has_head:
                data = connection.receive(self.until)
                if not data:
                    reader.end()
                ready = reader.feed(data)
        except BaseException:
            reader.close()
            raise
        return WireResponse(self, connection, reader, ready)

    def _first_bytes(self, connection: Connection, request: bytes) -> bytes:
        try:
            connection.send(request, self.until)
            data = connection.await_answer(self.until)
        except TimeoutError:
            raise
        except OSError:
            raise StaleConnection from None
        if not data:
            raise StaleConnection
        return data

    def _watch(self, connection: Connection | Lookup) -> None:
        self._connection = connection
        self._raise_if_cancelled()

    def _raise_if_cancelled(self) -> None:
        if self._cancellation.reason is not None:
            raise ended_early(self._cancellation) or OSError

    def _let_go(self) -> None:
        self._forget()
        self._connection = None

    def _drop(self) -> None:
        connection = self._connection
        self._let_go()
        if connection is not None:
            connection.close()


class StaleConnection(Exception):
    """The peer closed before one byte of its answer."""
