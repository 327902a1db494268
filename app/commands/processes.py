"""The database's tables, and the worker of background jobs."""

from __future__ import annotations

import importlib

import click
from flask.cli import with_appcontext

from app.commands.schema import upgrade
from app.extensions import redis
from app.services import retention


@click.command("migrate")
@with_appcontext
def migrate() -> None:
    """Bring the database to this version's tables; safe to run twice."""
    upgrade()
    retention.make_partitions()


@click.command("worker")
@with_appcontext
def worker() -> None:
    """Run one worker for background jobs, until it is stopped."""
    rq = importlib.import_module("rq")  # a web worker has no use for it: 2 MB
    connection = redis.patient_client()
    shared = {"connection": connection, "serializer": rq.serializers.JSONSerializer}
    rq.Worker([rq.Queue("default", **shared)], **shared).work(logging_level="WARNING")
