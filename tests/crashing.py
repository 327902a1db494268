"""The application for crash tests: the worker kills itself at the point that a file names, once.

The points are wrapped round the product's own functions, so that the product knows nothing of them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from app import create_app
from app.domain.records import Record
from app.services import admission, failover, holds, records, settlements

POINTS: dict[str, tuple[Any, str, str]] = {
    "before admission": (admission, "admit", "before"),
    "after admission": (admission, "admit", "after"),
    "with the hold not committed": (holds, "put", "after"),
    "with the hold committed": (holds, "reserve", "after"),
    "when the provider answers": (failover, "note", "before"),
    "after the first chunk": (Record, "watch", "after"),
    "after the last chunk": (Record, "succeed", "before"),
    "before the settlement": (holds, "end", "before"),
    "with the settlement not committed": (settlements, "end", "after"),
    "with the settlement committed": (holds, "settle", "after"),
    "before the record": (records, "write", "before"),
    "after the record": (records, "write", "after"),
}
VARIABLE = "CRASH_AT_FILE"


def crash_if(point: str) -> None:
    """Kill this worker if the file names the point; the next worker must not find it there."""
    path = Path(os.environ[VARIABLE])
    if path.exists() and path.read_text() == point:
        path.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def wrapped(function: Callable[..., Any], point: str, when: str) -> Callable[..., Any]:
    """Return the function with a point before or after it."""

    def run(*args: Any, **named: Any) -> Any:
        if when == "before":
            crash_if(point)
        result = function(*args, **named)
        if when == "after":
            crash_if(point)
        return result

    return run


def application() -> Flask:
    """Return the application with all points in place."""
    for point, (owner, name, when) in POINTS.items():
        setattr(owner, name, wrapped(getattr(owner, name), point, when))
    return create_app()
