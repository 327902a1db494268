"""Idle connections: used again while they are good, few, and never with bytes that nobody asked for."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from app import egress
from app.domain.addresses import parse_url
from app.domain.provider_errors import ProviderFailed
from app.egress import exchange
from app.egress.connection import Connection
from app.egress.pool import Pool
from tests.egress.asking import ask, body_of
from tests.upstream import Upstream, wait_for
from tests.upstream_replies import Cut, Hang, Reply, Reset, json_reply

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n{evil}"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server


def connected(listener: socket.socket) -> Connection:
    port = listener.getsockname()[1]
    connection = Connection(parse_url(f"http://127.0.0.1:{port}/"), socket.AF_INET)
    connection.open("127.0.0.1", time.monotonic() + 5)
    return connection


def is_open(connection: Connection) -> bool:
    return connection._sock.fileno() >= 0


def test_the_newest_goes_out_first_and_a_silent_one_is_good(listener: socket.socket) -> None:
    pool, origin = Pool(), ("http", "a", 80)
    first, second = connected(listener), connected(listener)
    pool.put(first, origin)
    pool.put(second, origin)
    assert pool.take(("https", "a", 80)) is None
    assert [pool.take(origin), pool.take(origin), pool.take(origin)] == [second, first, None]
    first.close()
    second.close()


def test_each_origin_and_all_together_have_a_bound(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.egress.pool.MOST_IDLE_PER_ORIGIN", 2)
    monkeypatch.setattr("app.egress.pool.MOST_IDLE", 5)
    pool = Pool()
    made = []
    for name in ("a", "b", "c", "d"):
        for _ in range(3):
            made.append(connected(listener))
            pool.put(made[-1], ("http", name, 80))
    assert len(pool) == 5
    assert [is_open(connection) for connection in made] == [
        False, False, False, False, False, True, False, True, True, False, True, True,
    ]  # fmt: skip
    pool.clear()
    assert len(pool) == 0
    assert not any(map(is_open, made))


def test_an_old_one_is_closed(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.egress.pool.IDLE_SECONDS", 0.01)
    monkeypatch.setattr("app.egress.pool.SWEEP_SECONDS", 0.0)
    pool = Pool()
    asked, forgotten, fresh = (connected(listener) for _ in range(3))
    pool.put(asked, ("http", "a", 80))
    time.sleep(0.02)
    assert pool.take(("http", "a", 80)) is None
    pool.put(forgotten, ("http", "b", 80))
    time.sleep(0.02)
    pool.put(fresh, ("http", "c", 80))
    assert [is_open(one) for one in (asked, forgotten, fresh)] == [False, False, True]
    pool.clear()


@pytest.mark.parametrize("unasked", [EVIL, b"\r\n", b"x"])
def test_bytes_that_come_while_idle_are_no_answer(upstream: Upstream, unasked: bytes) -> None:
    upstream.script("m", Reply([OK, 0.05, unasked, 5], framing="raw"), json_reply({"mine": 1}))
    assert body_of(ask(upstream)) == b"{}"
    time.sleep(0.15)
    assert body_of(ask(upstream)) == b'{"mine": 1}'
    assert upstream.connections == 2


def test_bytes_in_the_same_breath_as_the_answer_are_no_answer(upstream: Upstream) -> None:
    upstream.script("m", Reply([OK + EVIL, 5], framing="raw"), json_reply({"mine": 1}))
    assert body_of(ask(upstream)) == b"{}"
    assert body_of(ask(upstream)) == b'{"mine": 1}'
    assert upstream.connections == 2


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"


@pytest.mark.parametrize(
    ("ending", "good"),
    [
        (b"0\r\n\r\n", True), (b"0\r\nx: y\r\n\r\n", True), (b"0\r\n\r\n" + EVIL, False),
        (b"4\r\nmore\r\n0\r\n\r\n", True), (b"4\r\nmore\r\n", False), (b"zz\r\n", False), (b"0", False),
    ],
)  # fmt: skip
def test_an_answer_that_is_proven_whole_may_end_later(upstream: Upstream, ending: bytes, good: bool) -> None:
    """The end of a stream's body comes after its `[DONE]`; the connection is good if nothing follows it."""
    upstream.script("m", Reply([CHUNKED, 0.03, ending, 5], framing="raw"))
    answer = ask(upstream)
    assert answer.read_some(time.monotonic() + 5) == b"{}"
    answer.finish()
    time.sleep(0.1)
    kept = exchange.connections.take(("http", "127.0.0.1", upstream.port))
    assert (kept is not None) is good
    if kept is not None:
        kept.close()


@pytest.mark.parametrize("ending", [Cut, Reset])
def test_a_second_break_is_a_failure(upstream: Upstream, ending: type[Cut]) -> None:
    """One retry, on a fresh connection; what breaks there is not asked a third time."""
    upstream.script("m", json_reply({}), Reply([ending], framing="raw"))
    body_of(ask(upstream))
    with pytest.raises(ProviderFailed):
        ask(upstream)
    assert len(upstream.requests) == 3


def test_an_answer_that_was_left_unread_is_not_mixed_with_the_next(upstream: Upstream) -> None:
    upstream.script("m", Reply([b"x" * 100_000], framing="length"), json_reply({"mine": 1}))
    ask(upstream).close()
    assert body_of(ask(upstream)) == b'{"mine": 1}'
    assert upstream.connections == 2


def test_an_error_page_keeps_its_connection_when_read(upstream: Upstream) -> None:
    upstream.script("m", Reply([b"busy"], 503, framing="length"), Reply([Hang], 204, framing="length"))
    assert body_of(ask(upstream)) == b"busy"
    assert body_of(ask(upstream)) == b""
    assert upstream.connections == 1


def test_closing_what_is_idle_closes_the_sockets(upstream: Upstream) -> None:
    body_of(ask(upstream))
    egress.close_idle()
    assert len(exchange.connections) == 0
    body_of(ask(upstream))
    wait_for(lambda: upstream.connections == 2)
