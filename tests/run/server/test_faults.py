"""What seldom happens: networks that fail while clients are accepted, broken connections, odd deadlines."""

from __future__ import annotations

import errno
import logging
import socket
from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from run.server import listener
from run.server.bodies import ChunkedBody, MeasuredBody
from run.server.connection import Connection
from run.server.listener import Listener


def worker_of() -> Any:
    """Return as much of a worker as is asked for here."""
    cfg, clock = SimpleNamespace(workers=1), SimpleNamespace(now=100.0)
    log = logging.getLogger()
    return SimpleNamespace(
        hub=gevent.get_hub(), base_environ={}, cfg=cfg, clock=clock, is_full=lambda: False, log=log
    )


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EPROTO, errno.ENETDOWN, errno.ETIMEDOUT])
def test_clients_are_accepted_again_after_a_fault(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(listener, "PAUSE_SECONDS", 0.01)
    fault = OSError(number, "a fault")

    def fail() -> Any:
        raise fault

    with socket.create_server(("127.0.0.1", 0)) as sock:
        listening = Listener(worker_of(), sock)
        real, listening.sock = listening.sock, SimpleNamespace(_accept=fail, fileno=lambda: 1)  # type: ignore[assignment]
        listening.resume()
        listening.accept()
        assert not listening.watcher.active
        listening.sock = real
        gevent.sleep(0.05)
        assert listening.watcher.active
        listening.close()


def test_a_client_that_had_to_be_waited_for_may_not_take_its_time_later() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        connection = Connection(worker_of(), ours, {})
        connection.body_deadline = connection.deadline = 130.0  # a body's and an answer's, set in one tick
        connection.overdue()
        assert connection.is_cut and theirs.recv(1) == b""
        connection.close()


@pytest.mark.parametrize("body", [MeasuredBody, ChunkedBody])
def test_a_connection_that_breaks_under_a_body_is_no_fault_of_ours(body: Any) -> None:
    def fail(_size: int) -> bytes:
        raise ConnectionResetError

    broken: Any = SimpleNamespace(sock=SimpleNamespace(recv=fail))
    made = body(broken, b"", False, 10) if body is MeasuredBody else body(broken, b"", False)
    assert made.gather() is None
