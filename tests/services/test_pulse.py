"""The pulse: at once without gevent, in one greenlet with it, asleep when nobody uses it."""

from __future__ import annotations

import gevent
import gevent.monkey
import pytest

from app.services import pulse as module
from app.services.pulse import Pulse


def made() -> tuple[Pulse, list[str]]:
    pulse, ran = Pulse(), list[str]()
    pulse.jobs += [lambda: ran.append("first"), lambda: 1 // 0, lambda: ran.append("second")]
    return pulse, ran


def test_without_gevent_it_beats_at_once_and_once_a_second_unless_there_is_news() -> None:
    pulse, ran = made()
    pulse.touch()
    pulse.touch()
    assert ran == ["first", "second"]  # the job between them failed
    pulse.hurry()
    assert ran == ["first", "second"] * 2


def test_with_gevent_one_greenlet_beats_until_nobody_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gevent.monkey, "is_module_patched", lambda _: True)
    for name, value in (("BEAT_SECONDS", 0.001), ("REST_SECONDS", 0.0), ("IDLE_BEATS", 2)):
        monkeypatch.setattr(module, name, value)
    pulse, ran = made()
    pulse.touch()
    pulse.hurry()
    assert ran == []  # whoever touches it does not wait for it
    with gevent.Timeout(10):
        while pulse._running:
            gevent.sleep(0.001)
    assert ran == ["first", "second"] * 3  # one beat that was used, two that were idle
    pulse.touch()
    gevent.sleep(0)
    assert pulse._running and len(ran) == 8
    pulse.jobs.clear()
