"""Keeps the records: a bounded queue, written in batches at most a second late; money never waits on it."""

from __future__ import annotations

import logging
import threading
from collections import deque

import gevent
import gevent.event
import gevent.monkey
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError
from sqlalchemy.orm import Session

from app.database import database
from app.domain.records import Record
from app.services import (
    answer_ids,
    arm_counts,
    batch_spend,
    key_uses,
    performance,
    record_store,
    unpriced_models,
    usage_hours,
)
from app.services.lost_records import Losses
from app.services.record_rows import SIZE, Row, complete, row_of

log = logging.getLogger(__name__)
MOST_WAITING = 20_000
MOST_IN_BATCH = 500
MOST_BYTES = 64 * 1024 * 1024  # of prompts and answers that wait
PAUSE_SECONDS = 0.25
CHECK_VIOLATION = "23514"


class Writer:
    """Collects rows and writes them from one greenlet; without gevent it writes at once."""

    def __init__(self) -> None:
        self._waiting: deque[Row] = deque()
        self._bytes = 0  # of prompts and answers that wait
        self._losses = Losses()
        self._wake: gevent.event.Event | None = None
        self._writing = threading.RLock()  # the last flush of a worker waits for the one under way

    def put(self, row: Row) -> None:
        """Queue one row; when the queue is full the row is dropped and counted.

        One that would make what waits too big leaves its prompts and answer behind.
        """
        if len(self._waiting) >= MOST_WAITING:
            self._losses.add(row, "too many wait for the database")
            return
        size = row.get(SIZE, 0)
        if self._bytes + size > MOST_BYTES:
            row["content"], row[SIZE] = None, 0
        else:
            self._bytes += size
        self._waiting.append(row)
        if not gevent.monkey.is_module_patched("socket"):
            self.flush()
            return
        if self._wake is None:
            self._wake = gevent.event.Event()
            gevent.spawn(self._run, self._wake)
        self._wake.set()

    @property
    def dropped(self) -> int:
        """How many records this process could not keep since it began."""
        return self._losses.total

    def flush(self) -> None:
        """Write what waits now; a batch that fails is put back and tried again later.

        What comes in meanwhile waits for the next time: else the batches would get small under load.

        A row that the database will never take must not hold up the others: batches shrink until it
        stands alone, and then it is left out.
        """
        with self._writing:
            size, left = MOST_IN_BATCH, len(self._waiting)
            while left:
                batch = [self._waiting.popleft() for _ in range(min(size, left))]
                error = attempt(batch)
                if error is None:
                    left -= len(batch)
                    self._bytes -= sum(row.get(SIZE, 0) for row in batch)
                    size = min(MOST_IN_BATCH, 2 * size)
                elif not is_refusal(error):
                    log.error("records not written, will try again: %s", type(error).__name__)
                    self._waiting.extendleft(reversed(batch))
                    return
                elif len(batch) > 1:
                    self._waiting.extendleft(reversed(batch))
                    size = len(batch) // 2
                else:
                    left -= 1
                    self._bytes -= batch[0].get(SIZE, 0)
                    self._losses.add(batch[0], f"{batch[0]['id']} cannot be stored: {type(error).__name__}")
            self._losses.tell()

    def _run(self, wake: gevent.event.Event) -> None:
        while True:
            wake.wait()
            wake.clear()
            gevent.sleep(PAUSE_SECONDS)
            self.flush()
            if self._waiting:
                wake.set()


writer = Writer()


def attempt(rows: list[Row]) -> Exception | None:
    """Write the rows in one transaction; return what went wrong."""
    try:
        database.transaction(lambda session: write_rows(session, rows))
    except Exception as error:
        return error
    return None


def is_refusal(error: Exception) -> bool:
    """Say whether the database is there but will never take one of the rows (a duplicate, a bad value)."""
    if isinstance(error, DBAPIError):
        if getattr(error.orig, "sqlstate", None) == CHECK_VIOLATION:  # its month just got a partition
            return False
        return isinstance(error, DataError | IntegrityError)
    return isinstance(error, StatementError | ValueError | TypeError | OverflowError)


def write_rows(session: Session, rows: list[Row]) -> None:
    """Insert the rows, count them in their hours, days and arms, and note when their keys were last used."""
    whole = [complete(row) for row in rows]
    record_store.insert(session, whole)
    key_uses.note(session, whole)
    usage_hours.add(session, whole)
    batch_spend.add(session, whole)
    arm_counts.add(session, whole)
    unpriced_models.note(session, whole)


def write(record: Record) -> None:
    """Queue the record's row; never raises. A call whose caller is unknown leaves no row."""
    if record.caller is not None:
        answer_ids.note(record)
        performance.note(record)
        writer.put(row_of(record))
