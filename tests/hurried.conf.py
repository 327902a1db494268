"""gunicorn's configuration, with a second for a client that takes or sends nothing."""

import importlib
from pathlib import Path
from typing import Any

from run.server import limits

exec((Path(__file__).resolve().parent.parent / "gunicorn.conf.py").read_text())  # its hooks see these globals

_prepare = post_worker_init  # type: ignore[name-defined]  # noqa: F821
CLIENT_SECONDS = 2
limits.BODY_SECONDS = limits.WRITE_SECONDS = 1.0
limits.LINGER_SECONDS = 0.5


def post_worker_init(worker: Any) -> None:
    """Prepare the product, and hurry its clients."""
    _prepare(worker)
    importlib.import_module("app.respond").BODY_SECONDS = 1.5
