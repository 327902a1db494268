"""Runs the migrations on the application's database; several starters wait for one another."""

from __future__ import annotations

from alembic import context
from flask import current_app
from sqlalchemy import Connection

import app.models  # noqa: F401  (registers the tables)

LOCK_ID = 7_582_349  # any number, the same in every process that migrates
database = current_app.extensions["migrate"].db


def prepare(connection: Connection) -> None:
    """Let one process migrate at a time, as long as it needs."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("SET lock_timeout = 0")
        connection.exec_driver_sql("SET idle_in_transaction_session_timeout = 0")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_ID})")


def run() -> None:
    """Migrate in one transaction: all of it or nothing."""
    with database.engine.connect() as connection, connection.begin():
        prepare(connection)
        context.configure(
            connection=connection,
            target_metadata=database.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
        )
        context.run_migrations()
    database.engine.dispose()


run()
