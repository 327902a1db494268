"""Rings a background job by its dotted path. Best effort: what must happen is found again by a schedule."""

from __future__ import annotations

import importlib

from redis import Redis

from app.extensions import redis

TIMEOUT_SECONDS = 0.5
JOB_SECONDS = 100  # shorter than any lease that a job takes


def ring(path: str, *ids: str) -> bool:
    """Queue the job with these ids; say whether it was done. It is not while Redis is away."""
    return redis.tell(lambda _client: enqueue(path, ids))


def enqueue(path: str, ids: tuple[str, ...]) -> None:
    """Queue the job on a connection of its own, whose answers stay bytes as RQ wants them."""
    limits = {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS}
    with Redis.from_url(redis.url or "", **limits) as connection:
        rq = importlib.import_module("rq")  # 2 MB that a web worker needs for its first job, if ever
        queue = rq.Queue("default", connection=connection, serializer=rq.serializers.JSONSerializer)
        queue.enqueue_call(path, args=ids, timeout=JOB_SECONDS, result_ttl=0, failure_ttl=3600)
