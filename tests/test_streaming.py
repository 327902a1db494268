"""Streams through the real server: unbuffered, watched, recorded however they end, drained (1.9, 1.12)."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import database
from app.domain.actors import SYSTEM
from app.models import Key, RecordRow
from app.services import credentials, endpoints, keys, providers
from tests.databases import ON_POSTGRESQL
from tests.live import Answer, Server, serving
from tests.upstream import Upstream
from tests.upstream_replies import Cut, Hang, Reply, openai_events, openai_stream
from tests.world import Tenant, World

SSE = {"Content-Type": "text/event-stream"}


@dataclass
class Stage:
    """A live server in front of a scripted upstream, and the tenant who calls it."""

    server: Server
    upstream: Upstream
    tenant: Tenant
    url: str

    def stream(self, message: str = "Hi") -> Answer:
        return self.server.post(self.url, {"message": message, "stream": True}, self.tenant.headers)


@pytest.fixture
def stage(
    app: Flask, world: World, upstream: Upstream, database_url: str, redis_url: str, tmp_path: Path
) -> Iterator[Stage]:
    add_provider(world.acme, upstream, slug="up")
    add_endpoint(world.acme, "story", "up/gpt-x")
    private = f"{upstream.place[0]}:{upstream.place[1]}"
    with serving(tmp_path, database_url, redis_url, graceful=8, PRIVATE_UPSTREAMS=private) as server:
        yield Stage(server, upstream, world.acme, f"/api/{world.acme.project.id}/story")


def add_provider(tenant: Tenant, upstream: Upstream, slug: str) -> None:
    fields = {"slug": slug, "dialect": "openai", "base_url": upstream.v1}
    provider = providers.create(SYSTEM, tenant.workspace.id, fields)
    credentials.create(
        SYSTEM, tenant.workspace.id, provider.id, {"name": "main", "secret": "sk-upstream-secret"}
    )


def add_endpoint(tenant: Tenant, slug: str, model: str, *failover: str) -> None:
    fields = {"slug": slug, "model": model, "failover": list(failover), "streaming_enabled": True}
    endpoints.create(SYSTEM, tenant.workspace.id, tenant.project.id, fields)


def the_record(wait_seconds: float = 5) -> RecordRow:
    """Return the one record, once it is written (at most a second late)."""
    rows = until(
        lambda: database.read(lambda session: list(session.scalars(select(RecordRow)))), wait_seconds
    )
    assert len(rows) == 1
    return rows[0]


def until(look: Callable[[], list[RecordRow]], seconds: float) -> list[RecordRow]:
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def test_a_chunk_reaches_the_client_while_the_upstream_still_writes(stage: Stage) -> None:
    first = list(openai_events("one ", "two"))
    stage.upstream.script("gpt-x", Reply([*first[:2], 3.0, *first[2:]], headers=SSE))
    started = time.monotonic()
    response = stage.stream()
    assert b'"role":"assistant"' in response.readline()
    response.readline()
    assert b"one " in response.readline()
    assert time.monotonic() - started < 2
    assert response.read().endswith(b"data: [DONE]\n\n")
    assert time.monotonic() - started >= 3


def test_all_that_came_in_one_piece_is_out_while_the_upstream_is_silent(stage: Stage) -> None:
    words = [f"word{number} " for number in range(30)]
    stage.upstream.script("gpt-x", Reply([b"".join(list(openai_events(*words))[:31]), Hang], headers=SSE))
    response = stage.stream()
    read = b"".join(response.readline() for _ in range(2 * 31))
    assert all(word.encode() in read for word in words)
    response.close()


def test_a_hang_up_closes_a_silent_upstream_within_a_second_and_is_recorded(stage: Stage) -> None:
    stage.upstream.script("gpt-x", Reply([*list(openai_events("one "))[:2], Hang], headers=SSE))
    response = stage.stream()
    for _ in range(4):
        response.readline()
    left_at = time.monotonic()
    response.close()
    assert stage.upstream.wait_closed(3) - left_at < 1
    record = the_record()
    assert (record.outcome, record.status, record.estimated) == ("client_left", 499, True)
    assert record.input_tokens > 0 and record.output_tokens > 0


def test_a_hang_up_before_the_first_byte_is_recorded_too(stage: Stage) -> None:
    stage.upstream.script("gpt-x", Reply([Hang], headers=SSE))
    body = json.dumps({"message": "Hi", "stream": True}).encode()
    with socket.create_connection(("127.0.0.1", stage.server.port)) as client:
        head = f"POST {stage.url} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {stage.tenant.secret}\r\n"
        client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        deadline = time.monotonic() + 5
        while not stage.upstream.requests and time.monotonic() < deadline:
            time.sleep(0.02)
        left_at = time.monotonic()
    assert stage.upstream.wait_closed(3) - left_at < 1
    record = the_record()
    assert (record.outcome, record.output_tokens) == ("client_left", 0)
    assert record.input_tokens > 0


def test_a_buffered_call_is_watched_as_well(stage: Stage) -> None:
    stage.upstream.script("gpt-x", Reply([Hang]))
    connection = stage.server.connect()
    connection.request("POST", stage.url, json.dumps({"message": "Hi"}), stage.tenant.headers)
    deadline = time.monotonic() + 5
    while not stage.upstream.requests and time.monotonic() < deadline:
        time.sleep(0.02)
    left_at = time.monotonic()
    connection.close()
    assert stage.upstream.wait_closed(3) - left_at < 1
    assert the_record().outcome == "client_left"


def test_a_cut_stream_ends_with_an_error_event(stage: Stage) -> None:
    stage.upstream.script("gpt-x", Reply([*list(openai_events("one "))[:2], Cut], headers=SSE))
    text = stage.stream().read().decode()
    assert "event: error\ndata: " in text and text.endswith("data: [DONE]\n\n")
    assert '"ok":false' in text
    assert the_record().outcome == "cut"


def test_shutting_down_ends_a_stream_with_an_error_event(stage: Stage) -> None:
    steps = [*list(openai_events("one "))[:2], Hang]
    stage.upstream.script("gpt-x", Reply(steps, headers=SSE))
    response = stage.stream()
    for _ in range(4):
        response.readline()
    ended: list[int] = []
    stopper = threading.Thread(target=lambda: ended.append(stage.server.stop()))
    stopper.start()
    text = response.read().decode()
    stopper.join()
    assert "restarting" in text and text.endswith("data: [DONE]\n\n")
    assert ended == [0]
    assert the_record().outcome == "cut"


def test_a_stream_that_can_finish_in_time_is_left_alone_while_draining(stage: Stage) -> None:
    stage.upstream.script("gpt-x", openai_stream("one ", "two ", "three", gap=0.3))
    response = stage.stream()
    response.readline()
    stopper = threading.Thread(target=stage.server.stop)
    stopper.start()
    text = response.read().decode()
    stopper.join()
    assert "error" not in text and text.endswith("data: [DONE]\n\n")
    assert the_record().outcome == "succeeded"


@pytest.mark.parametrize("workers", [2 if ON_POSTGRESQL else 1])
def test_a_revoked_key_is_refused_within_a_second_on_every_worker(
    app: Flask, world: World, database_url: str, redis_url: str, tmp_path: Path, workers: int
) -> None:
    with serving(tmp_path, database_url, redis_url, workers=workers) as server:

        def statuses() -> set[int]:
            answers = [server.post(world.acme.url, {"message": "Hi"}, world.acme.headers) for _ in range(6)]
            return {answer.status for answer in answers}

        assert statuses() == {200}
        keys.revoke(SYSTEM, world.acme.workspace.id, world.acme.key.id)
        time.sleep(1)
        assert statuses() == {401}


def test_the_record_says_when_the_key_was_last_used(stage: Stage) -> None:
    stage.upstream.script("gpt-x", openai_stream("one"))
    stage.stream().read()
    assert the_record().outcome == "succeeded"
    key = database.read(lambda session: session.get(Key, stage.tenant.key.id))
    assert key is not None and key.last_used_at is not None
