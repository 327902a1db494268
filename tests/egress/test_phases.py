"""Each phase of a request has its own deadline and ends at once when the call is cancelled."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from gevent.monkey import is_module_patched

from app import egress
from app.domain.calls import Cancellation
from app.domain.provider_errors import ProviderFailed, ProviderTimedOut, StreamCut
from app.egress import Interrupted, exchange, reach
from tests.egress.asking import ask, later
from tests.upstream import Upstream
from tests.upstream_replies import Hang, Reply

LARGE = "x" * (24 << 20)  # more than the sockets' buffers hold
SOON = 1.5  # seconds; each deadline below is much shorter, each default much longer


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that takes connections and neither reads nor answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        egress.configure(private_upstreams=frozenset({server.getsockname()}))
        yield server
        egress.configure(private_upstreams=frozenset())


@pytest.fixture
def full() -> Iterator[socket.socket]:
    """A server whose queue is full: it does not even take connections."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        egress.configure(private_upstreams=frozenset({server.getsockname()}))
        yield server
        egress.configure(private_upstreams=frozenset())


def url(server: socket.socket, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{server.getsockname()[1]}/"


def connecting(server: socket.socket, **options: object) -> egress.Answer:
    return egress.send("GET", url(server), headers={}, **options)  # type: ignore[arg-type]


def shaking_hands(server: socket.socket, **options: object) -> egress.Answer:
    return egress.send("GET", url(server, "https"), headers={}, **options)  # type: ignore[arg-type]


def sending(server: socket.socket, **options: object) -> egress.Answer:
    return egress.send("POST", url(server), headers={}, json=LARGE, **options)  # type: ignore[arg-type]


Phase = Callable[..., egress.Answer]


@pytest.mark.parametrize(("server", "phase"), [("full", connecting), ("silent", shaking_hands)])
def test_reaching_a_provider_has_a_deadline(
    server: str, phase: Phase, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "CONNECT_SECONDS", 0.2)
    started = time.monotonic()
    with pytest.raises(ProviderTimedOut, match="reached in time"):
        phase(request.getfixturevalue(server))
    assert time.monotonic() - started < SOON


@pytest.mark.parametrize("phase", [connecting, sending])
def test_sending_and_the_first_byte_share_a_deadline(silent: socket.socket, phase: Phase) -> None:
    started = time.monotonic()
    with pytest.raises(ProviderTimedOut):
        phase(silent, first_byte_seconds=0.2)
    assert 0.2 <= time.monotonic() - started < SOON


@pytest.mark.parametrize(
    ("server", "phase"),
    [("full", connecting), ("silent", shaking_hands), ("silent", connecting), ("silent", sending)],
)
@pytest.mark.parametrize("reason", ["client_left", "deadline"])
def test_cancelling_ends_each_phase(
    server: str, phase: Phase, reason: str, request: pytest.FixtureRequest
) -> None:
    place = request.getfixturevalue(server)
    cancellation = Cancellation()
    later(0.1, lambda: cancellation.cancel(reason))
    started = time.monotonic()
    with pytest.raises(StreamCut if reason == "client_left" else ProviderTimedOut):
        phase(place, cancellation=cancellation)
    assert time.monotonic() - started < SOON


@pytest.mark.skipif(not is_module_patched("socket"), reason="a thread's look-up cannot be ended")
def test_a_look_up_has_a_deadline_and_can_be_cancelled(
    silent: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def slow(*args: object, **kwargs: object) -> list[object]:
        asked.append(time.monotonic())
        time.sleep(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    cancellation = Cancellation()
    later(0.1, lambda: cancellation.cancel("client_left"))
    with pytest.raises(StreamCut):
        connecting(silent, cancellation=cancellation)
    monkeypatch.setattr(reach, "CONNECT_SECONDS", 0.2)
    with pytest.raises(ProviderTimedOut, match="reached in time"):
        connecting(silent)
    assert time.monotonic() - asked[0] < 2 * SOON


def test_bytes_that_never_pause_end_with_the_whole(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.script("m", Reply([b"x" * 65536], endless=True))
    monkeypatch.setattr(exchange, "MAX_BODY_BYTES", 1 << 40)
    answer = ask(upstream, total_seconds=0.3)
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        while answer.read_some(started + 60):
            pass
    assert time.monotonic() - started < SOON
    answer.close()
    upstream.wait_closed()


def test_a_body_has_a_limit_of_its_own(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream.script("m", Reply([b"x" * 65536], endless=True))
    monkeypatch.setattr(exchange, "MAX_BODY_BYTES", 1 << 20)
    answer = ask(upstream)
    with pytest.raises(Interrupted):
        while answer.read_some(time.monotonic() + 5):
            pass
    answer.close()


def test_a_large_request_and_a_large_answer_pass_whole(upstream: Upstream) -> None:
    upstream.script("m", Reply([b"y" * (8 << 20)], framing="length"))
    text = "z" * (8 << 20)
    answer = egress.send("POST", upstream.v1 + "/x", headers={}, json={"model": "m", "text": text})
    assert answer.read_all() == b"y" * (8 << 20)
    answer.close()
    assert upstream.requests[-1].json["text"] == text


def test_a_cancelled_call_leaves_the_connections_of_others_alone(upstream: Upstream) -> None:
    """Once its answer is done with, a call has no say over the connection any more."""
    cancellation = Cancellation()
    answer = ask(upstream, cancellation=cancellation)
    answer.read_all()
    answer.close()
    cancellation.cancel("client_left")
    answer = ask(upstream)
    assert answer.read_all()
    answer.close()
    assert upstream.connections == 1


def test_a_waiting_call_does_not_wait_for_another(upstream: Upstream) -> None:
    upstream.script("m", Reply([Hang], framing="raw"))
    upstream.script("n", Reply([b"{}"], framing="length"))
    later(0.0, lambda: pytest.raises(ProviderFailed, ask, upstream, first_byte_seconds=0.5))
    time.sleep(0.05)
    started = time.monotonic()
    answer = ask(upstream, "n")
    assert answer.read_all() == b"{}"
    answer.close()
    assert time.monotonic() - started < 0.4
    time.sleep(0.6)
