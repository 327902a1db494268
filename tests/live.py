"""The web server as in production, on a database and Valkey of its own.

SLUICE_TEST_SERVER names the server, as SLUICE_SERVER does for the product.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.databases import SECRET_KEY

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0
SERVER = {"SLUICE_SERVER": name} if (name := os.environ.get("SLUICE_TEST_SERVER")) else {}


class Answer:
    """A response and the connection it came on; `close` hangs up."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.connection = connection
        self.response = connection.getresponse()
        self.status = self.response.status
        self.headers = self.response.headers

    def read(self) -> bytes:
        """Return the rest of the body."""
        return self.response.read()

    def readline(self) -> bytes:
        """Return the next line of the body."""
        return self.response.readline()

    def close(self) -> None:
        """Hang up."""
        self.response.close()
        self.connection.close()


class Server:
    """A running gunicorn and how to talk to it."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port
        self.answers: list[Answer] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self, timeout: float = 20) -> http.client.HTTPConnection:
        """Return a new connection."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def post(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> Answer:
        """Send JSON on a new connection and return the answer, its body unread."""
        connection = self.connect()
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json", **headers})
        self.answers.append(Answer(connection))
        return self.answers[-1]

    def hang_up_all(self) -> None:
        """Close every connection made by `post`."""
        for answer in self.answers:
            answer.close()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    directory: Path,
    database_url: str,
    redis_url: str,
    *,
    workers: int = 1,
    graceful: int = 40,
    config: str = "gunicorn.conf.py",
    options: tuple[str, ...] = (),
    variables: dict[str, str] | None = None,
    **settings: str,
) -> Iterator[Server]:
    """Run gunicorn on this database until the block ends; `options` are more words of its command line."""
    port = free_port()
    environ = {name: text for name, text in os.environ.items() if not name.startswith("SLUICE_")}
    environ |= {
        "SLUICE_DATA_DIR": str(directory),
        "SLUICE_DATABASE_URL": database_url,
        "SLUICE_REDIS_URL": redis_url,
        "SLUICE_SECRET_KEY": SECRET_KEY,
        **SERVER,
        **{f"SLUICE_{name}": text for name, text in settings.items()},
        **(variables or {}),
    }
    command = [sys.executable, "-m", "gunicorn", "--config", config]
    command += ["--bind", f"127.0.0.1:{port}"]
    command += ["--workers", str(workers), "--graceful-timeout", str(graceful), *options]
    process = subprocess.Popen(command, cwd=ROOT, env=environ, text=True, stderr=subprocess.PIPE)
    server = Server(process, port)
    try:
        wait_until_up(server)
        yield server
    finally:
        server.hang_up_all()
        if process.poll() is None:
            process.kill() if sys.exc_info()[0] else server.stop()
        stderr = process.stderr.read() if process.stderr else ""
        if process.stderr:
            process.stderr.close()
        sys.stdout.write(stderr)


def wait_until_up(server: Server) -> None:
    """Return once the probe answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        connection = server.connect(timeout=2)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise AssertionError("the server did not come up")
