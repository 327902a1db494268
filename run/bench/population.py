"""Many keys, endpoints, policies and records: copies of those that are set, made by the database itself."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from pathlib import Path

import psycopg
from psycopg import sql

from run.bench.settings import FREE, MODEL, USER, Call

LABEL = "many"
RECORDS_AT_ONCE = 500_000


def key(number: int) -> str:
    return f"sk-bench-{LABEL}-{number:08d}"


def slug(number: int) -> str:
    return f"{LABEL}-{number}"


def number_id(kind: str) -> sql.SQL:
    """Return SQL for the id of the row that has number `g`."""
    return sql.SQL(f"md5('{kind}-' || g)::uuid")


def grow(connection: psycopg.Connection, first: int, last: int) -> None:
    """Add the keys, endpoints and policies with the numbers first … last."""
    name, numbered = sql.SQL(f"'{LABEL}-' || g"), sql.SQL(f"'sk-bench-{LABEL}-' || lpad(g::text, 8, '0')")
    hashed = sql.SQL("sha256(convert_to({}, 'UTF8'))").format(numbered)
    in_project = f"project_id = '{FREE}'"
    copy(connection, "keys", in_project, first, last, id=number_id("key"), name=name, hash=hashed)
    for table, parent, column, live, kind in (
        ("endpoints", "endpoint_id", "slug", "published_version_id", "endpoint"),
        ("policies", "policy_id", "key", "live_version_id", "policy"),
    ):
        one = {"endpoint": " AND slug = 'mock-model'", "policy": " AND key = 'support'"}[kind]
        versions, own = f"{kind}_versions", number_id(kind)
        wanted = f"id = (SELECT {live} FROM {table} WHERE {in_project}{one} LIMIT 1)"
        new = {"id": own, column: name, live: number_id(versions)}
        copy(connection, table, in_project + one, first, last, **new)
        copy(connection, versions, wanted, first, last, **{"id": number_id(versions), parent: own})
    connection.execute("ANALYZE")


def add_records(connection: psycopg.Connection, first: int, last: int) -> None:
    """Add records like the last one, the numbers first … last, spread over the month so far."""
    age = sql.SQL("now() - (now() - date_trunc('month', now())) * random()")
    newest = "id = (SELECT id FROM records ORDER BY created_at DESC LIMIT 1)"
    for begin in range(first, last + 1, RECORDS_AT_ONCE):
        end = min(last, begin + RECORDS_AT_ONCE - 1)
        copy(connection, "records", newest, begin, end, id=sql.SQL("gen_random_uuid()"), created_at=age)
    connection.execute("ANALYZE records")


def copy(
    connection: psycopg.Connection,
    table: str,
    where: str,
    first: int,
    last: int,
    **new: sql.SQL | sql.Composed,
) -> None:
    """Insert copies of the first row that `where` finds, one for each number `g`, with the new values."""
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND table_name = %s AND is_generated = 'NEVER'",
        (table,),
    )
    columns = [row[0] for row in found]
    values = [new.get(column) or sql.SQL("source.{}").format(sql.Identifier(column)) for column in columns]
    statement = sql.SQL(
        "INSERT INTO {table} ({columns}) SELECT {values}"
        " FROM (SELECT * FROM {table} WHERE {where} LIMIT 1) AS source, generate_series({first}, {last}) AS g"
    ).format(
        table=sql.Identifier(table),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join(values),
        where=sql.SQL(where),
        first=sql.Literal(first),
        last=sql.Literal(last),
    )
    connection.execute(statement)


def endpoint_call(number: int) -> Call:
    """Return the call of one of the many endpoints with one of the many keys."""
    header = f"Authorization: Bearer {key(number)}"
    return Call(f"/api/{FREE}/v1/chat/completions", slug(number), (header,))


def policy_call(number: int) -> Call:
    others = tuple(header for header in USER if "policy-key" not in header)
    headers = (f"Authorization: Bearer {key(number)}", f"x-kagu-policy-key: {slug(number)}", *others)
    return Call("/runtime/proxy/chat/completions", MODEL, headers)


def spread(count: int, most: int, seed: str) -> list[int]:
    """Return `most` different numbers of the rows, in an order of chance that `seed` repeats."""
    chance = random.Random(hashlib.sha256(seed.encode()).digest())
    return chance.sample(range(1, count + 1), min(count, most))


def write_calls(path: Path, calls: Iterable[Call]) -> None:
    """Write the calls as gwbench reads them: path, model and headers, separated by tabs."""
    lines = ("\t".join((call.path, call.model, *call.headers)) for call in calls)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
