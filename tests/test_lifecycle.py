"""Draining: the process says so at once, and ends its live calls when the deadline comes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import gevent
import pytest

from app import lifecycle
from app.domain.calls import Cancellation


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(lifecycle, "_state", lifecycle._State())
    yield


def reason_soon(cancellation: Cancellation) -> str | None:
    """Return why the call was ended, once it is; wait a few seconds at most."""
    deadline = time.monotonic() + 5
    while cancellation.reason is None and time.monotonic() < deadline:
        gevent.sleep(0.01)
    return cancellation.reason


def test_live_calls_go_on_until_the_deadline() -> None:
    cancellation = Cancellation()
    lifecycle.register(cancellation)
    assert not lifecycle.draining()
    lifecycle.start_draining(time.monotonic() + 100)
    assert lifecycle.draining()
    gevent.sleep(0.05)
    assert cancellation.reason is None


def test_live_calls_end_at_the_deadline() -> None:
    cancellation = Cancellation()
    lifecycle.register(cancellation)
    lifecycle.start_draining(time.monotonic() + 0.05)
    assert reason_soon(cancellation) == "draining"


def test_a_finished_call_is_left_alone() -> None:
    cancellation = Cancellation()
    lifecycle.register(cancellation)()
    lifecycle.cancel_live_calls()
    assert cancellation.reason is None


def test_a_call_that_comes_after_the_deadline_ends_at_once() -> None:
    lifecycle.cancel_live_calls()
    cancellation = Cancellation()
    lifecycle.register(cancellation)
    assert cancellation.reason == "draining"


def test_one_call_that_cannot_be_ended_does_not_keep_the_others() -> None:
    stuck, calls = Cancellation(), [Cancellation() for _ in range(3)]
    stuck.on_cancel(lambda: (_ for _ in ()).throw(OSError("gone")).__next__())
    for cancellation in (stuck, *calls):
        lifecycle.register(cancellation)
    lifecycle.cancel_live_calls()
    assert [call.reason for call in calls] == ["draining"] * 3


def test_draining_twice_keeps_the_first_deadline() -> None:
    cancellation = Cancellation()
    lifecycle.register(cancellation)
    lifecycle.start_draining(time.monotonic())
    lifecycle.start_draining(time.monotonic() + 100)
    assert reason_soon(cancellation) == "draining"
