"""How long clients may take, how they leave, and how a worker ends."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from app.domain.clients import ENVIRON_NAME
from run.server.connection import CLIENT
from tests.live import Server, free_port
from tests.run.server.conftest import SERVERS
from tests.run.server.corpus import CHUNKED, FOUR, HOST, get, post, request
from tests.run.server.echoing import echoing, wire
from tests.run.server.wire import Ended, Wire
from tests.upstream import wait_for


def fates(server: Server) -> list[str]:
    """Return how the server's streams ended."""
    with wire(server) as connection:
        found: list[str] = json.loads(connection.send(get(start=b"GET /fates HTTP/1.1")).reply().body)
    return found


def ends_by_itself(connection: Wire) -> bool:
    """Tell whether the server ends the connection without an answer."""
    return not connection.more() and not connection.data


def test_a_head_that_takes_too_long_is_cut(ours: Server) -> None:
    with wire(ours) as connection:
        connection.send(b"GET / HTTP/1.1\r\n")
        for _ in range(30):
            time.sleep(0.1)
            connection.send(b"X: y\r\n")
        assert ends_by_itself(connection)


@pytest.mark.parametrize("start", [post(b"Content-Length: 99", body=b""), post(CHUNKED, body=b"63\r\n")])
def test_a_body_that_takes_too_long_is_answered_in_time(ours: Server, start: bytes) -> None:
    with wire(ours) as connection:
        connection.send(start)
        for _ in range(30):
            time.sleep(0.1)
            connection.send(b"x")
        reply = connection.reply()
        assert (reply.status, reply.headers["connection"]) == (408, "close")


def test_a_client_that_takes_nothing_is_given_up(tmp_path: Path) -> None:
    with echoing(tmp_path, "sluice", WRITE_SECONDS="1") as server:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", server.port))
        client.sendall(get(start=b"GET /endless HTTP/1.1"))
        wait_for(lambda: fates(server) == ["closed"], 10)
        client.close()


def test_a_slow_client_that_goes_on_gets_everything(ours: Server) -> None:
    content = b"z" * 9_000_000
    with wire(ours) as connection:
        connection.send(post(b"Content-Length: %d" % len(content), body=content))
        for _ in range(5):
            time.sleep(0.05)  # its kernel and ours are full meanwhile
            connection.more()
        assert content in connection.reply().body
        assert connection.is_open()


@pytest.mark.parametrize("name", SERVERS)
def test_an_idle_connection_ends_in_time_and_others_stay(tmp_path: Path, name: str) -> None:
    with echoing(tmp_path, name, IDLE_SECONDS="2") as server, wire(server) as fresh, wire(server) as used:
        assert used.is_open()
        time.sleep(0.5)
        assert used.is_open()
        assert ends_by_itself(used) and ends_by_itself(fresh)


def test_a_hang_up_ends_the_stream_at_its_next_part(either: Server) -> None:
    before = len(fates(either))
    with wire(either) as connection:
        connection.send(get(start=b"GET /stream?0.2 HTTP/1.1"))
        connection.more()
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wait_for(lambda: fates(either)[before:] == ["closed"], 5)


def test_a_hang_up_is_told_at_once(ours: Server) -> None:
    before = len(fates(ours))
    with wire(ours) as connection:
        connection.send(get(start=b"GET /watched HTTP/1.1"))
        time.sleep(0.2)
    wait_for(lambda: fates(ours)[before:] == ["gone"], 3)


def test_the_next_request_is_no_hang_up(ours: Server) -> None:
    before = len(fates(ours))
    with wire(ours) as connection:
        connection.send(get(start=b"GET /watched?1 HTTP/1.1"))
        time.sleep(0.2)
        connection.send(get())
        assert [connection.reply().status for _ in range(2)] == [200, 200]
    assert fates(ours)[before:] == ["stayed"]


@pytest.mark.parametrize("name", SERVERS)
def test_a_worker_that_ends_answers_what_it_has_and_lets_idle_clients_go(tmp_path: Path, name: str) -> None:
    with echoing(tmp_path, name, graceful=10) as server, wire(server) as idle, wire(server) as busy:
        assert idle.is_open()
        busy.send(get(start=b"GET /stream?0.5 HTTP/1.1"))
        busy.more()
        began, ended = time.monotonic(), []
        stopper = threading.Thread(target=lambda: ended.append(server.stop()))
        stopper.start()
        assert busy.reply().body == b"one two three"
        assert ends_by_itself(idle)
        stopper.join()
        assert ended == [0] and time.monotonic() - began < 9


@pytest.mark.parametrize("name", SERVERS)
def test_calls_that_outlast_the_grace_period_are_ended(tmp_path: Path, name: str) -> None:
    with echoing(tmp_path, name, graceful=1) as server, wire(server) as busy:
        busy.send(get(start=b"GET /stream?9 HTTP/1.1"))
        busy.more()
        assert server.stop() == 0


@pytest.mark.parametrize("name", SERVERS)
def test_a_worker_is_replaced_after_its_requests(tmp_path: Path, name: str) -> None:
    with echoing(tmp_path, name, MAX_REQUESTS="5") as server:
        statuses = []
        for _ in range(12):
            with wire(server) as connection:
                statuses.append(connection.send(get()).reply().status)
        assert statuses == [200] * 12


def test_hup_replaces_the_worker_without_losing_a_call(tmp_path: Path) -> None:
    with echoing(tmp_path, "sluice") as server, wire(server) as busy:
        busy.send(get(start=b"GET /stream?0.5 HTTP/1.1"))
        busy.more()
        server.process.send_signal(signal.SIGHUP)
        assert busy.reply().body == b"one two three"
        with wire(server) as connection:
            assert connection.is_open()


def test_clients_beyond_the_most_wait_until_one_leaves(tmp_path: Path) -> None:
    with echoing(tmp_path, "sluice", CONNECTIONS="2") as server, wire(server) as one, wire(server) as two:
        assert one.is_open() and two.is_open()
        with wire(server) as third:
            third.send(get())
            third.socket.settimeout(0.5)
            with pytest.raises(TimeoutError):
                third.reply()
            one.socket.close()
            third.socket.settimeout(5)
            assert third.reply().status == 200


def test_requests_sent_at_once_do_not_keep_others_waiting(ours: Server) -> None:
    with wire(ours) as greedy, wire(ours) as other:
        greedy.send(get() * 2_000)
        assert other.send(get()).reply().status == 200
        greedy.socket.settimeout(0.0)
        assert greedy.data.count(b"HTTP/1.1 200") < 2_000


def test_it_listens_on_unix_sockets_and_ipv6(tmp_path: Path) -> None:
    path = str(tmp_path / "web.sock")
    port = free_port()
    with echoing(tmp_path, "sluice", options=("--bind", f"unix:{path}", "--bind", f"[::1]:{port}")):
        for address, client in ((path, ""), (("::1", port), "::1")):
            with Wire(address) as connection:
                reply = connection.send(post(FOUR)).reply()
                assert json.loads(reply.body)["REMOTE_ADDR"] == client
                assert connection.is_open()


def test_the_client_is_set_where_the_app_looks_for_it() -> None:
    assert CLIENT == ENVIRON_NAME


def test_a_client_that_leaves_within_its_request_is_forgotten(either: Server) -> None:
    for data in (b"GET / HT", request(b"POST / HTTP/1.1", HOST, FOUR, body=b"ab")):
        with wire(either) as connection:
            connection.send(data)
            connection.socket.shutdown(socket.SHUT_WR)
            try:
                assert connection.reply().status in (400, 200)
            except Ended:
                pass
    with wire(either) as connection:
        assert connection.is_open()
