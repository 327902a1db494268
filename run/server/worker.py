"""gunicorn's worker for Sluice's own server: gunicorn starts, watches and ends it as its gevent worker."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import gevent
from gunicorn.workers.ggevent import GeventWorker

from run.server import listener
from run.server.clock import Clock
from run.server.connection import Connection
from run.server.limits import LAST_REQUEST_SECONDS, HeadLimits
from run.server.listener import Listener

CHECK_SECONDS = 0.2
SWEEP_SECONDS = 1.0
STUCK_SECONDS = 3.0  # before the end of the grace period: whoever takes nothing then has left, and is settled
END_SECONDS = 1.0  # for calls that are ended with the worker


class FileWrapper:
    """WSGI's `wsgi.file_wrapper`: a file in large parts, whatever size is asked for."""

    BLOCK_BYTES = 65_536

    def __init__(self, file: Any, _size: int = 0) -> None:
        self.file = file
        self.close = getattr(file, "close", lambda: None)

    def __iter__(self) -> FileWrapper:
        return self

    def __next__(self) -> bytes:
        data: bytes = self.file.read(self.BLOCK_BYTES)
        if not data:
            raise StopIteration
        return data


class SluiceWorker(GeventWorker):
    """Runs the listeners, looks at every connection's deadline each second, drains when gunicorn says so."""

    def run(self) -> None:
        self.alive: bool
        """Serve until gunicorn ends this worker, and give calls under way until the grace period's end."""
        self.hub = gevent.get_hub()
        self.clock = Clock()
        self.connections: dict[Connection, gevent.Greenlet] = {}
        self.idle_seconds = float(self.cfg.keepalive)
        config = self.cfg
        self.head_limits = HeadLimits(
            config.limit_request_line, config.limit_request_fields, config.limit_request_field_size
        )
        self.base_environ = self.made_base_environ()
        for sock in self.sockets:
            listener.prepare(sock)
        self.listeners = [Listener(self, sock) for sock in self.sockets]
        for one in self.listeners:
            one.resume()
        self.serve()
        self.drain()

    def made_base_environ(self) -> dict[str, Any]:
        """Return what every environ starts with."""
        return {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": self.cfg.workers > 1,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
            "wsgi.input_terminated": True,
            "SERVER_SOFTWARE": "Sluice",
            "SCRIPT_NAME": "",
        }

    def serve(self) -> None:
        """Sweep until the worker is to end."""
        next_sweep = 0.0
        while self.alive:
            if time.monotonic() >= next_sweep:
                self.notify()
                self.sweep()
                next_sweep = self.clock.now + SWEEP_SECONDS
            gevent.sleep(CHECK_SECONDS)

    def drain(self) -> None:
        """Take no more clients, end idle ones, wait for calls under way; end the calls that take too long."""
        for one in self.listeners:
            one.close()
        end = time.monotonic() + self.cfg.graceful_timeout
        while self.connections and time.monotonic() < end:
            self.notify()
            self.sweep()
            is_ending = time.monotonic() > end - STUCK_SECONDS
            for connection in list(self.connections):
                is_idle = self.clock.now - connection.idle_since > LAST_REQUEST_SECONDS
                if is_idle or (is_ending and connection.is_stuck):
                    connection.cut()
            gevent.sleep(CHECK_SECONDS)
        if self.connections:
            self.log.warning("Worker graceful timeout (pid:%s)", self.pid)
            gevent.killall(list(self.connections.values()), timeout=END_SECONDS)

    def sweep(self) -> None:
        """Move the clock; end what clients take too long for."""
        self.clock.tick()
        now = self.clock.now
        for connection in [each for each in self.connections if each.deadline < now]:
            connection.overdue()

    def is_full(self) -> bool:
        """Tell whether this worker has as many clients as it may."""
        most: int = self.worker_connections
        return len(self.connections) >= most

    def begin(self, connection: Connection) -> None:
        """Serve a new client."""
        self.run_in_greenlet(connection, connection.run)

    def run_in_greenlet(self, connection: Connection, run: Callable[..., None], *arguments: Any) -> None:
        """Have a greenlet of its own run a client's connection from now on."""
        self.connections[connection] = gevent.spawn(run, *arguments)

    def has_ended(self, connection: Connection) -> None:
        """Forget a client; there is place for another."""
        was_full = self.is_full()
        self.connections.pop(connection, None)
        if was_full and self.alive:
            for one in self.listeners:
                one.resume()

    def count_request(self) -> None:
        """Count towards `max_requests`, after which gunicorn starts another worker."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
