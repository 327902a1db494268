"""The doorbell: a job by its dotted path, taken by the worker of the background jobs; Redis may be away."""

from __future__ import annotations

import pytest
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty

from app.database import database
from app.extensions import redis
from app.models import Alert
from app.services import alerts, mail, queue
from tests.smtp import MailSink


class Worker(SimpleWorker):
    """One that sets no signal handlers and no alarm."""

    death_penalty_class = TimerDeathPenalty

    def _install_signal_handlers(self) -> None:
        """Leave the test's own ones."""


def note(world) -> None:
    workspace = world.acme.workspace.id
    database.transaction(lambda session: alerts.unpriced(session, workspace, "openai/gpt-x"))


def waiting(redis_url: str) -> list[tuple[str, list[str]]]:
    jobs = Queue("default", connection=Redis.from_url(redis_url), serializer=JSONSerializer).jobs
    return [(job.func_name, list(job.args)) for job in jobs]


def test_a_noted_alert_is_mailed_by_the_next_worker(world, redis_url):
    with MailSink() as sink:
        mail.configure(sink.url, "sluice@acme.test", "https://sluice.acme.test")
        note(world)
        alert = database.read(lambda session: session.query(Alert).one())
        assert waiting(redis_url) == [("app.jobs.alerts.send", [alert.id])]
        connection = Redis.from_url(redis_url)
        Worker(["default"], connection=connection, serializer=JSONSerializer).work(burst=True)
        assert len(sink.mails) == 1 and waiting(redis_url) == []


def test_nothing_rings_for_what_was_rolled_back(world, redis_url):
    def work(session) -> None:
        alerts.unpriced(session, world.acme.workspace.id, "openai/gpt-x")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        database.transaction(work)
    assert waiting(redis_url) == []


def test_without_redis_the_alert_stands_and_nobody_waits(world):
    redis.configure("redis://127.0.0.1:1")
    note(world)
    assert queue.ring("app.jobs.alerts.send", "x") is False
    assert database.read(lambda session: session.query(Alert).one()).state == "pending"
