"""Clients that stop reading: the kernel gives them up, and their calls end and are charged (L14)."""

from __future__ import annotations

import socket

import pytest

from app.models import Reservation
from tests import crowd
from tests.databases import Databases
from tests.money import USD, mistakes, rows
from tests.stage import setting
from tests.upstream import wait_for
from tests.upstream_replies import SSE, Reply, data, openai_chunk


def test_a_client_that_stops_reading_is_given_up(
    databases: Databases, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("impatient")
    with setting(databases, directory, redis_url, config="tests/impatient.conf.py") as stage:
        shop = stage.shop("Deaf", 100 * USD)
        shop.upstream.script(
            "m", Reply([data(openai_chunk({"content": "river " * 1_000}))], headers=SSE, endless=True)
        )
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", shop.server.port))
        body = {"model": "paid", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 10_000_000}
        path = f"/api/{shop.tenant.project.id}/v1/chat/completions"
        client.sendall(crowd.post(path, body | {"stream": True}, shop.tenant.headers))
        wait_for(lambda: bool(shop.upstream.requests), 10)
        shop.upstream.wait_closed(20)
        wait_for(lambda: rows(Reservation)[0].state == "settled", 10)
        assert rows(Reservation)[0].outcome == "client_left"
        client.close()
        assert mistakes() == []
