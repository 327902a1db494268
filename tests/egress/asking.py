"""Short ways to send a request in these tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from app import egress
from tests.upstream import Upstream


def ask(upstream: Upstream, model: str = "m", **options: Any) -> egress.Answer:
    return egress.send("POST", upstream.v1 + "/x", headers={}, json={"model": model}, **options)


def body_of(answer: egress.Answer) -> bytes:
    try:
        return answer.read_all()
    finally:
        answer.close()


def later(seconds: float, action: Callable[[], object]) -> None:
    threading.Thread(target=lambda: (time.sleep(seconds), action()), daemon=True).start()
