"""Adds many sums to their rows in one statement: what is there already grows, what is not is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.database import insert_into

POSTGRESQL = postgresql.dialect()


def add(
    session: Session,
    table: Any,
    keys: Sequence[str],
    sums: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Add the rows' `sums` to the rows of `table` with the same `keys`.

    Give them always in the same order: then writers cannot block each other for good.
    """
    if not rows:
        return
    if session.get_bind().dialect.name == "postgresql":
        # One parameter for all: a statement for each row costs the client 40 µs, this 3.
        statement = statement_for(table, tuple(keys), tuple(sums), tuple(rows[0]))
        session.connection().exec_driver_sql(statement, {"rows": orjson.dumps(rows).decode()})
        return
    insert = insert_into(session, table)
    more = {name: getattr(table, name) + getattr(insert.excluded, name) for name in sums}
    session.execute(insert.on_conflict_do_update(index_elements=keys, set_=more), list(rows))


@cache
def statement_for(table: Any, keys: tuple[str, ...], sums: tuple[str, ...], names: tuple[str, ...]) -> str:
    """Return PostgreSQL's statement for rows as one JSON text, in their order."""
    columns, name = table.__table__.columns, table.__tablename__
    listed = ", ".join(names)
    typed = ", ".join(f"{each} {columns[each].type.compile(POSTGRESQL)}" for each in names)
    more = ", ".join(f"{each} = {name}.{each} + excluded.{each}" for each in sums)
    return (
        f"INSERT INTO {name} ({listed}) SELECT {listed} "  # noqa: S608 - names of columns alone
        f"FROM json_to_recordset(%(rows)s::json) AS given ({typed}) "
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {more}"
    )
