"""gunicorn's gevent worker, plus an end for idle keep-alive connections when the worker shuts down.

Without it every open browser tab holds the shutdown for the whole grace period.
"""

from __future__ import annotations

import time
from types import TracebackType

import gevent
from gunicorn.workers.ggevent import GeventWorker

CHECK_SECONDS = 0.2
IDLE_SECONDS = 1.0  # a request that is just arriving still gets its answer


class RequestWait(gevent.Timeout):
    """The wait for a connection's next request; `end` ends it as if its time were over."""

    def __init__(self, seconds: float, waits: set[RequestWait]) -> None:
        super().__init__(seconds, False)
        self.waits = waits
        self.started_at = time.monotonic()

    def __enter__(self) -> RequestWait:
        self.greenlet = gevent.getcurrent()
        self.waits.add(self)
        super().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException, trace: TracebackType | None
    ) -> bool | None:
        self.waits.discard(self)
        over: bool | None = super().__exit__(kind, value, trace)
        return over

    def end(self) -> None:
        if self in self.waits and time.monotonic() - self.started_at > IDLE_SECONDS:
            self.greenlet.throw(self)


class WebWorker(GeventWorker):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.waits: set[RequestWait] = set()

    def timeout_ctx(self) -> RequestWait:
        return RequestWait(self.cfg.keepalive, self.waits)

    def run(self) -> None:
        gevent.spawn(self.end_waits_when_stopping)
        super().run()

    def end_waits_when_stopping(self) -> None:
        """Close connections that wait for a request, again and again: those that finish one wait anew."""
        while True:
            gevent.sleep(CHECK_SECONDS)
            if not self.alive:
                for wait in list(self.waits):
                    gevent.get_hub().loop.run_callback(wait.end)
