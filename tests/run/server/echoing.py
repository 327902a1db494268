"""Runs a server in front of the app that says what it saw; it needs no database and no Valkey."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live import Server, serving
from tests.run.server.wire import Wire

CONFIG = "tests/run/server/echo.conf.py"


@contextmanager
def echoing(
    directory: Path, name: str, *, graceful: int = 5, options: tuple[str, ...] = (), **limits: str
) -> Iterator[Server]:
    """Run the named server; `limits` are those of echo.conf.py."""
    variables = {f"ECHO_{limit}": text for limit, text in limits.items()} | {"SLUICE_SERVER": name}
    with serving(
        directory, "", "", graceful=graceful, config=CONFIG, options=options, variables=variables
    ) as server:
        yield server


def wire(server: Server, seconds: float = 8) -> Wire:
    """Return a new connection to the server."""
    return Wire(("127.0.0.1", server.port), seconds)
