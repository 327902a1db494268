"""One connection that many greenlets share: each gets its own answer, and nobody waits for ever."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from redis import Redis

from app.redis_line import Late, Line
from app.redis_store import FAILURES_TO_OPEN, RedisStore, Script
from app.redis_wire import Address, pack
from tests import servers
from tests.test_redis_wire import SECONDS


@pytest.fixture
def line(redis_url: str) -> Iterator[Line]:
    Redis.from_url(redis_url).flushall()
    found = Line(Address(redis_url, SECONDS))
    yield found
    found.close()


def ask(line: Line, *words: str) -> Any:
    return line.exchange(pack(words), 1)[0]


def test_each_gets_the_answer_to_its_own_question(line: Line) -> None:
    def talk(number: int) -> list[Any]:
        return [ask(line, "ECHO", f"{number} {turn}") for turn in range(20)]

    talks = [gevent.spawn(talk, number) for number in range(50)]
    gevent.joinall(talks, raise_error=True)
    assert [each.value for each in talks] == [[f"{n} {t}" for t in range(20)] for n in range(50)]


def test_several_answers_come_in_order_and_an_error_is_one_of_them(line: Line) -> None:
    first, second = line.exchange(pack(("SET", "a", "1")) + pack(("LPUSH", "a", "2")), 2)
    assert first == "OK" and str(second).startswith("WRONGTYPE")
    assert ask(line, "GET", "a") == "1"


def test_what_nobody_waits_for_is_sent_too(line: Line) -> None:
    line.send(pack(("SET", "a", "1")))
    line.send(pack(("NONSENSE",)))
    assert ask(line, "GET", "a") == "1"


def test_large_values_pass_both_ways(line: Line) -> None:
    large = "ä" * 3_000_000
    asking = gevent.spawn(ask, line, "ECHO", large)
    behind = gevent.spawn(ask, line, "ECHO", "small")
    gevent.joinall([asking, behind], raise_error=True)
    assert asking.value == large and behind.value == "small"


def test_whoever_is_stopped_takes_nobody_s_answer(line: Line) -> None:
    stopped, patient = gevent.spawn(ask, line, "ECHO", "1"), gevent.spawn(ask, line, "ECHO", "2")
    gevent.sleep(0)
    stopped.kill(block=False)
    patient.join()
    assert patient.value == "2" and isinstance(stopped.value, gevent.GreenletExit)
    assert ask(line, "ECHO", "3") == "3"


def test_a_server_that_hangs_is_given_up_for_everybody_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:
        line = Line(Address(f"redis://127.0.0.1:{hung.getsockname()[1]}", 0.05))
        started = time.monotonic()
        asking = [gevent.spawn(ask, line, "GET", "a") for _ in range(10)]
        gevent.joinall(asking)
        assert time.monotonic() - started < 2
        assert {type(each.exception) for each in asking} == {Late}
        with pytest.raises(TimeoutError):
            ask(line, "GET", "a")


def test_what_came_while_the_worker_was_busy_is_no_failure(line: Line) -> None:
    asking = gevent.spawn(ask, line, "ECHO", "1")
    gevent.sleep(0)
    gevent.sleep(0)
    time.sleep(SECONDS + 0.1)  # the hub does not turn
    asking.join()
    assert asking.value == "1"


def test_a_server_that_goes_ends_the_line() -> None:
    with servers.valkey() as url:
        line = Line(Address(url, SECONDS))
        assert ask(line, "ECHO", "1") == "1"
        Redis.from_url(url).shutdown(nosave=True)
        with pytest.raises(OSError):
            ask(line, "ECHO", "2")
        assert line.failure is not None


def test_what_is_no_redis_ends_the_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        line = Line(Address(f"redis://127.0.0.1:{stranger.getsockname()[1]}", SECONDS))
        theirs, _ = stranger.accept()
        theirs.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with pytest.raises(Exception, match="Protocol error"):
            ask(line, "GET", "a")
        theirs.close()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[RedisStore, int]]:
    """A store as a web worker has it, and the process of its server."""
    monkeypatch.setattr("gevent.monkey.is_module_patched", lambda name: True)
    with servers.valkey() as url:
        store = RedisStore()
        store.configure(url)
        yield store, Redis.from_url(url).info("server")["process_id"]
        store.close()


def test_greenlets_share_one_connection_and_scripts_become_known(worker: tuple[RedisStore, int]) -> None:
    store, _ = worker
    double = Script("return 2 * ARGV[1]")
    asking = [gevent.spawn(store.run, double, "0", str(number)) for number in range(20)]
    gevent.joinall(asking, raise_error=True)
    assert [each.value for each in asking] == [2 * number for number in range(20)]
    assert store.client is not None
    assert len([each for each in store.client.client_list() if "lib-name=redis-py" not in str(each)]) <= 3
    store.send("SET", "told", "1")
    assert store.command("GET", "told") == "1"


def test_a_hung_server_is_left_alone_and_found_again(worker: tuple[RedisStore, int]) -> None:
    store, process = worker
    assert store.command("GET", "a") is None
    os.kill(process, signal.SIGSTOP)
    try:
        for _ in range(FAILURES_TO_OPEN):
            asking = [gevent.spawn(store.command, "GET", "a") for _ in range(6)]
            gevent.joinall(asking)
            assert not any(each.successful() for each in asking)
        started = time.monotonic()
        assert not gevent.spawn(store.command, "GET", "a").join() and time.monotonic() - started < 0.05
    finally:
        os.kill(process, signal.SIGCONT)
    store._closed_until = 0.0
    assert store.command("GET", "a") is None


def test_who_was_only_slow_is_believed_and_met_as_the_same(worker: tuple[RedisStore, int]) -> None:
    """What a worker remembers is read again where a change may be lost, not whenever the machine is busy."""
    store, process = worker
    assert store.command("GET", "a") is None
    met = store.changed_at
    assert met > 0
    os.kill(process, signal.SIGSTOP)
    try:
        asking = [gevent.spawn(store.command, "GET", "a") for _ in range(20)]
        gevent.joinall(asking)
    finally:
        os.kill(process, signal.SIGCONT)
    assert {each.exception.late for each in asking} == {True}
    assert store.command("GET", "a") is None, "what met twenty at once is one failure, not five"
    assert store.changed_at == met


def test_a_server_that_was_started_anew_is_told_from_the_one_before() -> None:
    store = RedisStore()
    met = 0.0
    for _ in range(2):
        with servers.valkey() as url:
            store.configure(url)
            gevent.spawn(store._opened_line).get()
            assert store.changed_at > met
            met, store.changed_at = store.changed_at, 0.0
            gevent.spawn(store._opened_line).get()
            assert store.changed_at == 0, "the same server"
    store.close()
