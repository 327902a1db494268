"""Turns of one session at a running server: over several workers, given up, left in mid-stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.models import ChatSession, ChatTurn
from tests.databases import Databases
from tests.live import Answer
from tests.money import USD, mistakes, rows
from tests.stage import Shop, setting
from tests.upstream import wait_for
from tests.upstream_replies import SSE, Hang, Reply, data, openai_chunk, openai_completion

SECONDS = 10


@pytest.fixture(scope="module")
def shop(databases: Databases, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    workers = 2 if databases.server_url else 1
    directory = tmp_path_factory.mktemp("turns")
    with setting(databases, directory, redis_url, workers=workers) as stage:
        yield stage.shop("Turns", 100 * USD, session={}, max_output_tokens=100)


def session_of(answer: Any) -> str:
    """Return the session that a whole answer names."""
    return str(json.loads(answer.read())["meta"]["session_id"])


def turns(session_id: str) -> list[ChatTurn]:
    return [turn for turn in rows(ChatTurn, ChatTurn.number) if turn.session_id == session_id]


def said(session_id: str) -> list[str]:
    return [message["content"] for turn in turns(session_id) for message in turn.messages]


def half_an_answer() -> Reply:
    """Return a stream that never comes to its end."""
    return Reply([data(openai_chunk({"content": "Once upon"})), Hang], headers=SSE)


def test_turns_wait_for_the_one_before_and_a_reader_who_leaves_keeps_what_they_saw(shop: Shop) -> None:
    shop.upstream.script("m", openai_completion("Hello."), half_an_answer())
    session_id = session_of(shop.post("Hi"))
    reading = shop.post("A story!", session_id=session_id, stream=True)
    while b"Once upon" not in reading.readline():
        pass
    assert reading.headers["X-Sluice-Session-Id"] == session_id
    shop.upstream.script("m", *(openai_completion(f"Answer {number}.") for number in range(3)))
    waiting = []
    for number in range(4):
        connection = shop.server.connect()
        body = json.dumps({"message": f"Turn {number}", "session_id": session_id})
        connection.request(
            "POST", shop.path, body, {"Content-Type": "application/json", **shop.tenant.headers}
        )
        waiting.append(connection)
        wait_for(lambda n=number: len(turns(session_id)) == 3 + n, SECONDS)  # type: ignore[misc]
    waiting.pop(1).close()  # one of those who wait leaves
    wait_for(lambda: len(turns(session_id)) == 5, SECONDS)
    assert len(shop.upstream.requests) == 2
    reading.close()
    answers = [Answer(connection) for connection in waiting]
    assert all(json.loads(answer.read())["ok"] for answer in answers)
    for answer in answers:
        answer.close()
    story = ["Hi", "Hello.", "A story!", "Once upon"]
    expected = [*story, "Turn 0", "Answer 0.", "Turn 2", "Answer 1.", "Turn 3", "Answer 2."]
    assert said(session_id) == expected
    assert [row.messages for row in rows(ChatSession) if row.id == session_id] == [10]
    wait_for(lambda: mistakes() == [], SECONDS)
