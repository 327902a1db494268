"""How gunicorn serves the app. bin/run adds the address and the number of workers."""

from __future__ import annotations

import gc
import importlib
import os
import socket
import time
from pathlib import Path

import gevent
from gunicorn.arbiter import Arbiter
from gunicorn.http import wsgi
from gunicorn.workers.base import Worker

wsgi.SERVER = "Sluice"


def named_server() -> str:
    """Return the server that is set; app.config, which checks it, may not be imported in the master."""
    if name := os.environ.get("SLUICE_SERVER_FILE"):
        return Path(name).read_text(encoding="utf-8").strip() if Path(name).is_file() else ""
    return os.environ.get("SLUICE_SERVER", "").strip()


SERVERS = {"sluice": "run.server.worker.SluiceWorker", "gunicorn": "run.web_worker.WebWorker"}

wsgi_app = "wsgi:app"
worker_class = SERVERS.get(named_server(), SERVERS["sluice"])  # the app refuses what it does not know
worker_connections = 2000
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
timeout = 120
graceful_timeout = 40
keepalive = 75
umask = 0o077
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 16380
forwarded_allow_ips = ""  # the app decides whom to believe, by SLUICE_TRUSTED_PROXIES
control_socket_disable = True
loglevel = "warning"

ERROR_EVENT_SECONDS = 5  # before the end of the grace period streams end with an error event
CHECK_SECONDS = 0.1
CLIENT_SECONDS = 30  # a client that takes or confirms nothing for so long is gone


def when_ready(server: Arbiter) -> None:
    """Have the kernel end connections to clients that stopped reading, or lost power; workers inherit it."""
    for listener in server.LISTENERS:
        if listener.sock.family in (socket.AF_INET, socket.AF_INET6):
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * CLIENT_SECONDS)
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, CLIENT_SECONDS)
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)


def post_worker_init(worker: Worker) -> None:
    """Leave what was loaded out of every later garbage collection; watch for the end, and for dead calls."""
    importlib.import_module("app.services.limits").failopen.workers = worker.cfg.workers
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gevent.spawn(drain_when_stopping, worker)
    gevent.spawn(importlib.import_module("app.services.sweeper").run)


def worker_exit(_server: object, worker: Worker) -> None:
    """Write the last records, which wait for the next batch."""
    if worker.booted:
        importlib.import_module("app.services.records").writer.flush()


def drain_when_stopping(worker: Worker) -> None:
    """Tell the app as soon as gunicorn wants this worker to end."""
    # Imported here, in the worker: the master must not import the app before gevent patches it.
    lifecycle = importlib.import_module("app.lifecycle")
    while worker.alive:
        gevent.sleep(CHECK_SECONDS)
    lifecycle.start_draining(time.monotonic() + worker.cfg.graceful_timeout - ERROR_EVENT_SECONDS)
