"""How outbound requests end: deadlines, cancelling, cuts, limits, stale connections, nonsense."""

from __future__ import annotations

import threading
import time

import pytest
import responses

from app import egress
from app.domain.calls import Cancellation
from app.domain.provider_errors import ProviderFailed, ProviderTimedOut, StreamCut
from tests.egress.asking import ask, body_of, later
from tests.upstream import Upstream, wait_for
from tests.upstream_replies import Cut, Hang, Reply, Reset, json_reply

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_silence_ends_at_the_first_byte_limit(upstream: Upstream) -> None:
    upstream.script("m", Reply([Hang], framing="raw"))
    started = time.monotonic()
    with pytest.raises(ProviderTimedOut):
        ask(upstream, first_byte_seconds=0.2)
    assert 0.2 <= time.monotonic() - started < 1.2
    upstream.wait_closed()


def test_a_dripping_head_ends_at_the_same_limit(upstream: Upstream) -> None:
    head = b"HTTP/1.1 200 OK\r\nx-slow: " + b"x" * 200
    drip = [step for byte in head for step in (bytes([byte]), 0.02)]
    upstream.script("m", Reply(drip, framing="raw"))
    started = time.monotonic()
    with pytest.raises(ProviderTimedOut):
        ask(upstream, first_byte_seconds=0.3)
    assert time.monotonic() - started < 1.3


def test_the_whole_exchange_has_a_limit(upstream: Upstream) -> None:
    upstream.script("m", Reply([b"x", 0.02], endless=True))
    answer = ask(upstream, total_seconds=0.3)
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        answer.read_all()
    assert time.monotonic() - started < 1.3
    answer.close()


def test_bytes_arrive_when_they_are_sent(upstream: Upstream) -> None:
    upstream.script("m", Reply([b"one", 0.3, b"two"]))
    answer = ask(upstream)
    started = time.monotonic()
    assert answer.read_some(started + 5) == b"one"
    assert time.monotonic() - started < 0.2
    with pytest.raises(TimeoutError):
        answer.read_some(time.monotonic() + 0.05)
    assert body_of(answer) == b"two"


@pytest.mark.parametrize("reason", ["client_left", "draining"])
def test_cancelling_ends_a_silent_wait_for_the_head(upstream: Upstream, reason: str) -> None:
    upstream.script("m", Reply([Hang], framing="raw"))
    cancellation = Cancellation()
    later(0.1, lambda: cancellation.cancel(reason))
    started = time.monotonic()
    with pytest.raises(StreamCut):
        ask(upstream, cancellation=cancellation)
    assert time.monotonic() - started < 1
    assert upstream.wait_closed() - started < 1


def test_cancelling_ends_a_silent_body(upstream: Upstream) -> None:
    upstream.script("m", Reply([b"x", Hang]))
    cancellation = Cancellation()
    answer = ask(upstream, cancellation=cancellation)
    later(0.1, lambda: cancellation.cancel("client_left"))
    started = time.monotonic()
    with pytest.raises(egress.Interrupted):
        answer.read_all()
    assert upstream.wait_closed() - started < 1
    answer.close()


def test_a_cancelled_call_is_not_sent(upstream: Upstream) -> None:
    cancellation = Cancellation()
    cancellation.cancel("client_left")
    with pytest.raises(StreamCut):
        ask(upstream, cancellation=cancellation)
    assert upstream.connections == 0


def test_an_idle_connection_that_was_closed_is_replaced(upstream: Upstream) -> None:
    body_of(ask(upstream))
    upstream.drop_connections()
    time.sleep(0.05)
    assert body_of(ask(upstream))
    assert (upstream.connections, len(upstream.requests)) == (2, 2)


def test_one_retry_when_a_used_connection_breaks_without_a_byte(upstream: Upstream) -> None:
    upstream.script("m", json_reply({}), Reply([Reset], framing="raw"), json_reply({"second": 1}))
    body_of(ask(upstream))
    assert body_of(ask(upstream)) == b'{"second": 1}'
    assert len(upstream.requests) == 3


def test_no_retry_on_a_fresh_connection(upstream: Upstream) -> None:
    upstream.script("m", Reply([Cut], framing="raw"), json_reply({}))
    with pytest.raises(ProviderFailed):
        ask(upstream)
    assert len(upstream.requests) == 1


def test_no_retry_once_a_byte_came(upstream: Upstream) -> None:
    upstream.script("m", json_reply({}), Reply([b"HTTP/1.1 2", Cut], framing="raw"), json_reply({}))
    body_of(ask(upstream))
    with pytest.raises(ProviderFailed):
        ask(upstream)
    assert len(upstream.requests) == 2


def test_a_connection_with_bytes_left_over_is_not_used_again(upstream: Upstream) -> None:
    extra = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n{evil}"
    )
    upstream.script("m", Reply([extra, 0.2], framing="raw"), json_reply({}))
    assert body_of(ask(upstream)) == b"{}"
    assert body_of(ask(upstream)) == b"{}"
    assert upstream.connections == 2


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "GZIP"])
def test_a_compressed_answer_is_refused_unread(upstream: Upstream, coding: str) -> None:
    upstream.script("m", Reply([b"\x1f\x8b" * 1000], headers={"Content-Encoding": coding}))
    with pytest.raises(ProviderFailed, match="compressed"):
        ask(upstream)


def test_a_body_has_a_limit(upstream: Upstream) -> None:
    upstream.script("m", Reply([b"x" * 65536], endless=True))
    answer = ask(upstream)
    with pytest.raises(egress.Interrupted):
        answer.read_all(limit=1 << 20)
    answer.close()
    upstream.wait_closed()


@pytest.mark.parametrize(
    "reply",
    [
        Reply([b"half"], framing="length", declared=100, keep_alive=False),
        Reply([b"half", Cut]),
        Reply([b"half", Reset]),
        Reply([CHUNKED, 0.05, b"zz\r\nx", Cut], framing="raw"),
        Reply([CHUNKED, 0.05, b"1\r\nxy\r\n", Cut], framing="raw"),
    ],
)
def test_a_cut_body_is_noticed(upstream: Upstream, reply: Reply) -> None:
    upstream.script("m", reply)
    answer = ask(upstream)
    with pytest.raises(egress.Interrupted):
        answer.read_all()
    answer.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n", b"\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70000 + b"\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: a\nb\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_not_http_is_refused(upstream: Upstream, raw: bytes) -> None:
    upstream.script("m", Reply([raw, Cut], framing="raw"))
    with pytest.raises(ProviderFailed):
        ask(upstream, first_byte_seconds=2)


def test_interim_responses_are_skipped(upstream: Upstream) -> None:
    raw = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
    upstream.script("m", Reply([raw], framing="raw"))
    assert body_of(ask(upstream)) == b"{}"


def test_a_fake_world_needs_one_seam() -> None:
    with responses.RequestsMock() as world:
        world.post("https://api.example.com/v1/x", json={"ok": True}, headers={"x-a": "1"})
        answer = egress.send("POST", "https://api.example.com/v1/x", headers={}, json={})
        assert (answer.status, answer.headers["x-a"], body_of(answer)) == (200, "1", b'{"ok": true}')


def test_a_fake_failure_is_a_failure() -> None:
    with responses.RequestsMock(), pytest.raises(ProviderFailed):
        egress.send("POST", "https://api.example.com/v1/x", headers={}, json={})


def test_many_calls_at_once(upstream: Upstream) -> None:
    upstream.script("m", Reply([b"a", 0.05, b"b"]))
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(body_of(ask(upstream)))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [b"ab"] * 20


def test_closing_an_unread_answer_closes_its_connection(upstream: Upstream) -> None:
    upstream.script("m", Reply([b"x", Hang]))
    ask(upstream).close()
    upstream.wait_closed()
    wait_for(lambda: len(upstream.requests) == 1)
