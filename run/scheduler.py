"""Runs app/jobs/schedule.py with RQ's cron, storing jobs as JSON: RQ's own command would pickle them."""

from __future__ import annotations

import logging
import os
from functools import partial

import rq.cron
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from app.config import load


def main() -> None:
    rq.cron.Queue = partial(Queue, serializer=JSONSerializer)  # type: ignore[assignment, misc]
    connection = Redis.from_url(load(os.environ).redis_url)
    scheduler = rq.cron.CronScheduler(connection=connection, logging_level=logging.WARNING)
    scheduler.load_config_from_file("app/jobs/schedule.py")
    scheduler.start()


if __name__ == "__main__":
    main()
