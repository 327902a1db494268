"""Redis hangs, then dies, under load: no call notices, and the money stays exact (J1, J2)."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from redis import Redis

from tests import servers
from tests.crowd import Crowd
from tests.databases import Databases
from tests.money import USD, account_of, mistakes
from tests.stage import Stage, setting
from tests.upstream_replies import openai_completion

CALLS = 20
PAID = 20_000


@pytest.fixture
def own_redis() -> Iterator[str]:
    """A Valkey that may be killed."""
    with servers.valkey() as url:
        yield url


@pytest.fixture
def stage(databases: Databases, own_redis: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield stack.enter_context(setting(databases, tmp_path_factory.mktemp("redis"), own_redis))


def test_no_call_fails_while_redis_hangs_returns_and_dies(stage: Stage, own_redis: str) -> None:
    shop = stage.shop("Redis", USD)
    stage.upstream.script("m", openai_completion("Hello", {"prompt_tokens": 10, "completion_tokens": 5}))
    with Redis.from_url(own_redis) as client:
        pid = int(client.info()["process_id"])
    crowd = Crowd(stage.server.port)
    statuses = []
    for number in (None, signal.SIGSTOP, signal.SIGCONT, signal.SIGKILL):
        if number is not None:
            os.kill(pid, number)
        for _ in range(3):
            statuses += [answer.status for answer in crowd.send([shop.request(max_tokens=100)] * CALLS)]
    crowd.close()
    assert statuses == [200] * len(statuses)
    account = account_of(shop.tenant)
    assert account.balance_nano_usd == USD - len(statuses) * PAID
    assert account.reserved_nano_usd == 0 and mistakes() == []
