"""Holds and ends calls in batches: who comes while a statement is under way goes into the next (PostgreSQL).

Nobody waits where nobody is before them: the first to come runs the statement, for itself and for those that
came meanwhile. What a batch cannot do (somebody holds its rows, one of its calls cannot be booked, a budget
reaches a level) each of its calls does alone, as on SQLite, in a transaction and a turn of its own.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
from sqlalchemy.exc import SQLAlchemyError

from app.database import database
from app.domain.errors import Overloaded
from app.prepared import Away, Refused, Unreached
from app.services import holds_postgresql
from app.services.cache import Cache

log = logging.getLogger(__name__)
MOST_AT_ONCE = 64
TRIES = 3
DEADLOCKS = ("40001", "40P01")
HELD_UP = (*DEADLOCKS, "55P03", "57014")  # somebody holds its rows: lock_timeout, statement_timeout
APART_SECONDS = 5.0  # an account that stood in the way of others goes alone for so long

_apart: Cache[str, float] = Cache(10_000)  # by account: until when (monotonic)


class Unsure(Overloaded):
    """The database was lost while it did what was asked: it may have been done, or not."""


class Ticket:
    """One call at a desk. `answer` is there once it is `served`; `alone`: it must see for itself.

    `sent`: the database was asked; where it is `away` all the same, nobody knows what it did.
    """

    __slots__ = ("alone", "answer", "away", "roused", "row", "sent", "served")

    def __init__(self, row: bytes) -> None:
        self.row = row
        self.answer: Any = None
        self.served = self.alone = self.away = self.sent = False
        self.roused = threading.Lock()
        self.roused.acquire()

    def serve(self, answer: Any = None, *, alone: bool = False, away: bool = False) -> None:
        """Give the answer and let its caller go on."""
        self.answer, self.alone, self.away, self.served = answer, alone, away, True
        self.rouse()

    def rouse(self) -> None:
        """Let its caller look; once is enough."""
        try:
            self.roused.release()
        except RuntimeError:
            pass


class Desk:
    """Serves calls in the order in which they came, many with one statement; for threads and greenlets.

    `tell` gives the tickets their answers from the statement's rows; it returns those to be asked for again.
    """

    def __init__(
        self, name: str, statement: str, tell: Callable[[list[Ticket], list[Any]], list[Ticket]]
    ) -> None:
        self._name, self._statement, self._tell = name, statement, tell
        self._waiting: deque[Ticket] = deque()
        # Taken by whoever runs a statement. Not a lock: gevent's sleeps when it is not to be had at once.
        self._lead = deque((None,))

    def ask(self, row: Mapping[str, Any]) -> Ticket:
        """Return the ticket, served; raise Overloaded where the database is away, Unsure where it went."""
        ticket = Ticket(orjson.dumps(row))
        self._waiting.append(ticket)
        while not ticket.served:
            try:
                self._lead.pop()
            except IndexError:  # somebody else does
                self._wait(ticket)
                continue
            try:
                self._serve_some()
            finally:
                self._lead.append(None)
                self._rouse_next()
        if ticket.away:
            raise (Unsure if ticket.sent else Overloaded)(retry_after_seconds=1)
        return ticket

    def _wait(self, ticket: Ticket) -> None:
        """Wait to be roused; whoever is killed while it waits leaves the queue, and leads nobody."""
        try:
            ticket.roused.acquire()
        except BaseException:
            try:
                self._waiting.remove(ticket)
            except ValueError:  # it is being served
                pass
            self._rouse_next()
            raise

    def _rouse_next(self) -> None:
        """Let the first of those who came meanwhile run the next statement."""
        try:
            self._waiting[0].rouse()
        except IndexError:
            pass

    def _serve_some(self) -> None:
        """Serve the first of those who wait; where the database is away, all of them hear so."""
        waiting = self._waiting
        batch = [waiting.popleft() for _ in range(min(len(waiting), MOST_AT_ONCE))]
        try:
            self._serve(batch)
        except BaseException as error:
            for ticket in batch:
                ticket.sent = not isinstance(error, Unreached)
            if not isinstance(error, Away):
                raise
            log.error("desk %s: the database is away: %s", self._name, type(error.__cause__).__name__)
            batch += waiting
            waiting.clear()
        finally:
            for ticket in batch:
                if not ticket.served:
                    ticket.serve(away=True)

    def _serve(self, batch: list[Ticket]) -> None:
        lane, tries = database.lane(self._name), TRIES
        while batch:
            value = b"[" + b",".join([ticket.row for ticket in batch]) + b"]"
            try:
                batch = self._tell(batch, lane.run(self._statement, value))
            except Refused as error:
                tries -= 1
                if error.sqlstate in DEADLOCKS and tries:
                    continue
                if len(batch) > 1 and error.sqlstate not in HELD_UP:  # for one of them it failed: which?
                    half = len(batch) // 2
                    self._serve(batch[:half])
                    batch = batch[half:]
                    continue
                for ticket in batch:
                    ticket.serve(alone=True)
                return


def tell_held(batch: list[Ticket], rows: list[Any]) -> list[Ticket]:
    """Say who is held for (True) and who is short (False); return those who only came too late."""
    held = {int(place): is_held == b"t" for place, is_held in rows}
    again = []
    for place, ticket in enumerate(batch, 1):
        if held.get(place, True):
            ticket.serve(place in held)
        else:
            again.append(ticket)
    return again


def tell_ended(batch: list[Ticket], rows: list[Any]) -> list[Ticket]:
    """Say what each was charged: (nano_usd, shortfall_nano_usd, workspace id); None: it was ended before."""
    charged = {int(row[0]): (int(row[1]), int(row[2]), row[3].decode()) for row in rows}
    for place, ticket in enumerate(batch, 1):
        ticket.serve(charged.get(place))
    return []


holding = Desk("hold", holds_postgresql.HOLD, tell_held)
ending = Desk("end", holds_postgresql.END_MANY, tell_ended)


def serves(payer_id: str) -> bool:
    """Say whether an account's calls are served here."""
    return database.is_postgresql and time.monotonic() >= (_apart.get(payer_id) or 0.0)


@contextmanager
def going_alone(payer_id: str) -> Iterator[None]:
    """Keep an account whose calls fail even alone away from the desks for a while, for the others' sake."""
    try:
        yield
    except SQLAlchemyError:
        _apart.put(payer_id, time.monotonic() + APART_SECONDS)
        raise
