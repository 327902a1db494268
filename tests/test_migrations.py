"""The migrations: one head, the same tables as the models, up and down on an empty database."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import Table, text
from sqlalchemy.exc import DBAPIError

from app.commands.schema import downgrade, upgrade
from app.database import database
from app.extensions import db
from app.services import retention
from tests.databases import ON_POSTGRESQL
from tests.world import World

PARTITION = re.compile(r"records_(\d{4}_\d{2}|default)")
ROOT = Path(__file__).resolve().parent.parent


def test_there_is_one_head() -> None:
    assert len(ScriptDirectory(str(ROOT / "migrations")).get_heads()) == 1


def test_the_migrations_make_the_tables_of_the_models(app: Flask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, db.metadata)
    assert [d for d in differences if not is_partition(d)] == []


def is_partition(difference: Any) -> bool:
    """A partition of the records, and what is on one, is no table of the models."""
    if not isinstance(difference, tuple) or difference[0] not in ("remove_table", "remove_index"):
        return False
    about = difference[1]
    table = about if isinstance(about, Table) else about.table
    return bool(PARTITION.fullmatch(table.name))


def test_an_index_that_is_missing_on_the_records_is_seen(app: Flask) -> None:
    with app.app_context():
        with db.engine.begin() as connection:
            connection.execute(text("DROP INDEX ix_records_key_id"))
        with db.engine.connect() as connection:
            differences = compare_metadata(MigrationContext.configure(connection), db.metadata)
    missing = [each for each in differences if not is_partition(each)]
    assert [(each[0], each[1].name) for each in missing] == [("add_index", "ix_records_key_id")]


def test_they_can_be_undone_and_done_again(app: Flask) -> None:
    with app.app_context():
        downgrade(revision="base")
        upgrade()
        upgrade()


@pytest.mark.parametrize("statement", ["UPDATE audit_events SET action = 'x'", "DELETE FROM audit_events"])
def test_the_database_itself_keeps_the_audit_log(world: World, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        database.transaction(lambda session: session.execute(text(statement)))


def test_the_database_itself_keeps_versions(world: World) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        database.transaction(lambda session: session.execute(text("UPDATE endpoint_versions SET number = 9")))


def test_partitions_are_made_ahead_and_twice_does_no_harm(app: Flask) -> None:
    retention.make_partitions()
    retention.make_partitions()
    if ON_POSTGRESQL:
        names = database.read(
            lambda s: list(s.scalars(text("SELECT relname FROM pg_class WHERE relname LIKE 'records\\_2%'")))
        )
        assert len([name for name in names if name.count("_") == 2 and name[-2:].isdigit()]) >= 3
