"""The server is told to stop with streams open: each ends, is settled, and nothing stays held (M1)."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.models import Reservation
from tests import crowd
from tests.databases import Databases
from tests.money import USD, account_of, mistakes, rows
from tests.stage import Stage, setting
from tests.upstream import wait_for
from tests.upstream_replies import SSE, Hang, Reply, Step, data, openai_chunk, openai_events, openai_stream

GRACE = 7  # seconds; streams are ended five seconds before


@pytest.fixture
def stage(databases: Databases, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        directory = tmp_path_factory.mktemp("shutdown")
        yield stack.enter_context(setting(databases, directory, redis_url, graceful=GRACE))


def test_open_streams_are_settled_when_the_server_stops(stage: Stage) -> None:
    shop = stage.shop("Stopping", 100 * USD)
    first, second, *_ = openai_events("Hello")
    stage.upstream.script("m", Reply([first, second, Hang], headers=SSE))
    hanging = [shop.post(stream=True) for _ in range(10)]
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    stage.upstream.script("m", openai_stream("Hello", " there", gap=0.2, usage=usage))
    finishing = [shop.post(stream=True) for _ in range(10)]
    stage.server.process.send_signal(signal.SIGTERM)
    assert all(answer.read().endswith(b"data: [DONE]\n\n") for answer in finishing)
    assert all(b"restarting" in answer.read() for answer in hanging)
    assert stage.server.process.wait(timeout=30) == 0
    outcomes = sorted(row.outcome for row in rows(Reservation))
    assert outcomes == ["cut"] * 10 + ["succeeded"] * 10
    assert account_of(shop.tenant).reserved_nano_usd == 0
    assert all(row.charged_nano_usd > 0 for row in rows(Reservation)) and mistakes() == []


def test_a_stream_whose_client_takes_nothing_is_settled_when_the_server_stops(stage: Stage) -> None:
    shop = stage.shop("Stuck", 100 * USD)
    flood: list[Step] = [data(openai_chunk({"content": "river " * 5_000}))]
    stage.upstream.script("m", Reply(flood, headers=SSE, endless=True))
    path = f"/api/{shop.tenant.project.id}/v1/chat/completions"
    body = {"model": "paid", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5_000_000}
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", stage.server.port))
        client.sendall(crowd.post(path, body | {"stream": True}, shop.tenant.headers))
        assert client.recv(12) == b"HTTP/1.1 200"
        wait_for(lambda: [row.state for row in rows(Reservation)] == ["held"], 5)
        stage.server.process.send_signal(signal.SIGTERM)
        assert stage.server.process.wait(timeout=30) == 0
    (row,) = rows(Reservation)
    assert row.state == "settled" and row.charged_nano_usd > 0
    assert account_of(shop.tenant).reserved_nano_usd == 0 and mistakes() == []
