"""gunicorn's configuration with the echoing app, and clients given up sooner."""

import os
from pathlib import Path

from run.server import limits

exec((Path(__file__).resolve().parents[3] / "gunicorn.conf.py").read_text())  # its hooks see these globals

wsgi_app = "tests.run.server.echo_app:app"
for name in ("HEAD_SECONDS", "BODY_SECONDS", "WRITE_SECONDS", "LINGER_SECONDS"):
    setattr(limits, name, float(os.environ.get(f"ECHO_{name}", getattr(limits, name))))
keepalive = int(os.environ.get("ECHO_IDLE_SECONDS", 75))
max_requests = int(os.environ.get("ECHO_MAX_REQUESTS", 0))
worker_connections = int(os.environ.get("ECHO_CONNECTIONS", 2000))


def post_worker_init(worker: object) -> None:
    """There is no product to prepare."""


def worker_exit(server: object, worker: object) -> None:
    """There is no product to end."""
