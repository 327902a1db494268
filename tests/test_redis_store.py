"""Redis with short limits and a breaker: its loss is noticed at once and costs calls nothing (J1, J2)."""

from __future__ import annotations

import socket
import time

import pytest
from flask.testing import FlaskClient

from app import redis_store
from app.domain.actors import SYSTEM
from app.extensions import redis
from app.redis_line import thread_of
from app.redis_store import Beside, RedisAway, RedisStore, Script
from app.redis_wire import Address, Wire
from app.services import keys, stamps
from tests.world import World


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> RedisStore:
    """A store whose server is not there."""
    store = RedisStore()
    store.configure("unix:///nowhere/valkey.sock")
    return store


def test_it_answers(redis_url: str) -> None:
    store = RedisStore()
    store.configure(redis_url)
    assert store.tell(lambda client: client.set("a", "1"))
    assert store.command("GET", "a") == "1" and store.command("GET", "b") is None
    store.close()


def test_a_second_question_rides_along_in_the_same_round_trip(redis_url: str) -> None:
    store, unknown = RedisStore(), Script("return 'ran'")
    store.configure(redis_url)
    store.send("SET", "side", "2")
    first, second = Beside("GET", "side"), Beside("GET", "side")
    assert store.command("GET", "none", beside=first) is None
    assert store.run(unknown, "0", beside=second) == "ran", "also where the server does not know the script"
    assert first.answer == second.answer == "2"
    assert store.command("GET", "side") == "2", "no answer is left on the connection"
    store.close()


def test_after_five_failures_nobody_asks_for_a_while(
    away: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def question(client: object) -> None:
        asked.append(client)
        raise OSError

    for _ in range(8):
        with pytest.raises(RedisAway):
            away.ask(question)
    assert len(asked) == redis_store.FAILURES_TO_OPEN
    monkeypatch.setattr(away, "_closed_until", 0.0)
    with pytest.raises(RedisAway):
        away.ask(question)
    assert len(asked) == redis_store.FAILURES_TO_OPEN + 1, "one probe, then closed again"
    with pytest.raises(RedisAway):
        away.ask(question)
    assert len(asked) == redis_store.FAILURES_TO_OPEN + 1


def test_a_server_that_hangs_costs_little() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:
        store = RedisStore()
        store.configure(f"redis://127.0.0.1:{hung.getsockname()[1]}/0")
        started = time.monotonic()
        with pytest.raises(RedisAway):
            store.command("GET", "a")
        assert time.monotonic() - started < 1


def test_calls_are_served_while_redis_is_away(
    client: FlaskClient, world: World, away: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamps, "redis", away)
    for _ in range(3):
        assert (
            client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers).status_code == 200
        )


def test_a_key_revoked_while_redis_is_away_is_refused_within_a_second(
    client: FlaskClient, world: World, away: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamps, "redis", away)
    assert client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers).status_code == 200
    keys.revoke(SYSTEM, world.acme.workspace.id, world.acme.key.id)
    time.sleep(stamps.AWAY_TTL_SECONDS)
    assert client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers).status_code == 401


def test_a_flushed_redis_serves_on(client: FlaskClient, world: World) -> None:
    assert client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers).status_code == 200
    redis.tell(lambda server: server.flushall())
    assert client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers).status_code == 200


def test_a_change_that_redis_misses_once_is_told_again(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers).status_code == 200
    ask, failures = redis.ask, [RedisAway()]

    def flaky(question):  # type: ignore[no-untyped-def]
        if failures:
            raise failures.pop()
        return ask(question)

    monkeypatch.setattr(redis, "ask", flaky)
    keys.revoke(SYSTEM, world.acme.workspace.id, world.acme.key.id)
    assert client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers).status_code == 401


def test_what_was_read_before_redis_was_away_is_read_again(
    world: World, away: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace_id, read_at = world.acme.workspace.id, time.monotonic()
    stamp = stamps.current(workspace_id)
    assert stamps.is_fresh(workspace_id, stamp, read_at)
    with monkeypatch.context() as patch:
        patch.setattr(stamps, "redis", away)
        stamps.is_fresh(workspace_id, stamp, read_at)
    assert not stamps.is_fresh(workspace_id, stamp, read_at), "the change may have come while Redis was away"
    assert stamps.is_fresh(workspace_id, stamp, time.monotonic())


def test_connections_that_died_with_the_server_count_once(redis_url: str) -> None:
    store = RedisStore()
    store.configure(redis_url)
    address = Address(redis_url, redis_store.TIMEOUT_SECONDS)
    store._idle = [Wire(address, thread_of()) for _ in range(20)]
    for wire in store._idle:
        wire._socket.shutdown(socket.SHUT_RDWR)
    with pytest.raises(RedisAway):
        store.command("GET", "a")
    assert store.command("GET", "a") is None
    store.close()
