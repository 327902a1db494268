"""The database's tables, and the worker of background jobs."""

from __future__ import annotations

import click
from flask.cli import with_appcontext
from flask_migrate import upgrade
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from app.extensions import redis


@click.command("migrate")
@with_appcontext
def migrate() -> None:
    """Bring the database to this version's tables; safe to run twice."""
    upgrade()


@click.command("worker")
@with_appcontext
def worker() -> None:
    """Run one worker for background jobs, until it is stopped."""
    connection = redis.patient_client()
    queue = Queue("default", connection=connection, serializer=JSONSerializer)
    Worker([queue], connection=connection, serializer=JSONSerializer).work(logging_level="WARNING")
