"""The supervisor ends when it is told to, also where Python swallows what its signal handler raises."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import Any

import pytest

from run.supervisor import StopRequested, Supervisor


def test_a_signal_lost_inside_a_hook_still_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    plan: Any = None
    supervisor = Supervisor(plan)

    def start_all() -> None:
        with suppress(StopRequested):
            supervisor.on_signal(signal.SIGTERM, None)

    monkeypatch.setattr("run.supervisor.signal.signal", lambda *_: None)
    monkeypatch.setattr(supervisor, "start_all", start_all)
    monkeypatch.setattr(supervisor, "keep_up", lambda: pytest.fail("it went on"))
    monkeypatch.setattr(supervisor, "stop_all", lambda: done.append("stopped"))
    supervisor.run()
    assert done == ["stopped"]
