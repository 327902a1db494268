"""A connection of its own to PostgreSQL for a few prepared statements; all else goes through `app.database`.

Below SQLAlchemy and psycopg's cursors, on libpq: a statement costs the process a third of what it does there.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent
import gevent.monkey

if TYPE_CHECKING:  # SQLite needs no psycopg
    from psycopg import Connection
    from psycopg.pq.abc import PGconn, PGresult

MOST_SECONDS = 6.0  # the server itself ends a statement after 5
# Plans are made once, when tables may be empty: never such as only suit those.
PLANS = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off"
FORGOTTEN = ("26000", "42P05")  # somebody between us and the server mixed up what is prepared
LOST = ("08", "57P")  # the connection is gone, or the server about to go
CARRIED_OUT = (1, 2)  # libpq's own numbers for a command and for rows
SQLSTATE = ord("C")  # libpq's name of an error's field
READ, WRITE = 1, 2  # libev's own numbers


class Away(Exception):
    """The database did not answer; what was asked of it may have been done, or not."""


class Unreached(Away):
    """There was no connection to ask it on: nothing was done."""


class Refused(Exception):
    """The database carried nothing out. `sqlstate` says why."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


class Lane:
    """One connection, made at the first use and anew after it was lost; one statement at a time."""

    def __init__(self, connect: Callable[[], Connection[Any]]) -> None:
        self._connect = connect
        self._taken = threading.Lock()
        self._connection: Connection[Any] | None = None
        self._prepared: dict[str, bytes] = {}
        self._process_id = 0
        self._ready: Callable[[bool], None] = lambda writes: None

    def run(self, statement: str, value: bytes) -> list[tuple[bytes | None, ...]]:
        """Run a statement of one parameter ($1) as a transaction of its own; return its rows, as text.

        Raises Refused when it failed, Away when nobody knows, Unreached (an Away) when it was never sent.
        """
        with self._taken:
            connection = self._open()
            try:
                result = self._exchange(connection.pgconn, self._name_of(connection.pgconn, statement), value)
            except Refused as error:
                if error.sqlstate in FORGOTTEN:
                    self.close()
                raise
            except BaseException as error:
                self.close()
                if isinstance(error, Exception):
                    raise Away from error
                raise
            return rows_of(result)

    def close(self) -> None:
        """Give up the connection; the next statement makes another."""
        connection, self._connection = self._connection, None
        self._prepared.clear()
        if connection is not None and self._process_id == os.getpid():
            connection.close()

    def _open(self) -> Connection[Any]:
        """Return the connection, which must be this process's own and alive."""
        connection = self._connection
        if connection is not None and self._process_id == os.getpid() and not has_news(connection.pgconn):
            return connection
        self.close()
        try:
            self._connection = connection = self._connect()
            self._process_id = os.getpid()
            connection.autocommit = True
            connection.execute(PLANS, prepare=False)
            self._ready = waiter(connection.pgconn.socket)
        except BaseException as error:
            self.close()
            if isinstance(error, Exception):
                raise Unreached from error
            raise
        return connection

    def _name_of(self, pgconn: PGconn, statement: str) -> bytes:
        """Return the name under which the server knows the statement."""
        name = self._prepared.get(statement)
        if name is None:
            name = b"lane_%d" % len(self._prepared)
            pgconn.send_prepare(name, statement.encode())
            self._answer(pgconn)
            self._prepared[statement] = name
        return name

    def _exchange(self, pgconn: PGconn, name: bytes, value: bytes) -> PGresult:
        pgconn.send_query_prepared(name, [value])
        return self._answer(pgconn)

    def _answer(self, pgconn: PGconn) -> PGresult:
        """Send what is to be sent and wait for the whole answer; raise Refused where it is an error."""
        while pgconn.flush():
            self._ready(True)
            pgconn.consume_input()
        found: PGresult | None = None
        while True:
            while pgconn.is_busy():
                self._ready(False)
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is None:
                break
            found = found or result
        return checked(found)


def checked(result: PGresult | None) -> PGresult:
    """Return the result of a statement that was carried out; raise Refused for an error."""
    if result is None:
        raise ConnectionError
    if result.status in CARRIED_OUT:
        return result
    sqlstate = (result.error_field(SQLSTATE) or b"").decode()
    if not sqlstate or sqlstate.startswith(LOST):
        raise ConnectionError
    raise Refused(sqlstate)


def rows_of(result: PGresult) -> list[tuple[bytes | None, ...]]:
    """Return a result's rows."""
    columns, value = range(result.nfields), result.get_value
    return [tuple([value(row, column) for column in columns]) for row in range(result.ntuples)]


def has_news(pgconn: PGconn) -> bool:
    """Say whether an idle connection has something to tell: as a rule, that its server is gone."""
    poll = gevent.monkey.get_original("select", "poll")()
    poll.register(pgconn.socket, select.POLLIN)
    return bool(poll.poll(0))


def waiter(fileno: int) -> Callable[[bool], None]:
    """Return what waits until the socket can be read, or written as well; TimeoutError after MOST_SECONDS."""
    if not gevent.monkey.is_module_patched("socket"):
        return lambda writes: poll_once(fileno, writes)
    hub = gevent.get_hub()
    reads, both = hub.loop.io(fileno, READ), hub.loop.io(fileno, READ | WRITE)

    def ready(writes: bool) -> None:
        with gevent.Timeout(MOST_SECONDS, TimeoutError):
            hub.wait(both if writes else reads)

    return ready


def poll_once(fileno: int, writes: bool) -> None:
    """Wait in this thread alone."""
    poll = select.poll()
    poll.register(fileno, select.POLLIN | (select.POLLOUT if writes else 0))
    if not poll.poll(MOST_SECONDS * 1000):
        raise TimeoutError
