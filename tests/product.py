"""Starts the whole product as a person does, with bin/run, and watches what it prints and leaves."""

from __future__ import annotations

import http.client
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READY = "Ctrl-C stops it."


def environment(**settings: str) -> dict[str, str]:
    """Return this environment with just these SLUICE_* settings, and no colour of the test run."""
    rest = {name: text for name, text in os.environ.items() if not name.startswith("SLUICE_")}
    return rest | {f"SLUICE_{name}": text for name, text in settings.items()}


def command(name: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run bin/NAME to its end."""
    return subprocess.run(
        [ROOT / "bin" / name, *arguments],
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )


class Product:
    """A running bin/run. Its lines are read in a thread, so that it never waits for this test."""

    def __init__(self, process: subprocess.Popen[str], data: Path) -> None:
        self.process = process
        self.data = data
        self.lines: list[str] = []
        self._queue: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self._queue.put(line.rstrip("\n"))

    def wait_for(self, text: str, seconds: float = 60) -> str:
        """Return the first new line that holds `text`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                self.lines.append(self._queue.get(timeout=0.1))
            except queue.Empty:
                continue
            if text in self.lines[-1]:
                return self.lines[-1]
        raise AssertionError(f"{text!r} was not printed: {self.lines}")

    @property
    def port(self) -> int:
        found = re.search(r"127\.0\.0\.1:(\d+)", "\n".join(self.lines))
        assert found, self.lines
        return int(found[1])

    def status(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    @contextmanager
    def idle_connection(self) -> Iterator[None]:
        """Keep a connection open after a request, as a browser does."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        yield
        connection.close()

    def process_ids(self) -> dict[int, str]:
        """Return the ids and command lines of every process that has this run's data directory or port."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and is_of(entry, str(self.data)):
                found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
        return found

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        self.process.send_signal(signal_number)
        return self.process.wait(timeout=60)


def is_of(entry: Path, data: str) -> bool:
    try:
        return f"SLUICE_DATA_DIR={data}\0".encode() in (entry / "environ").read_bytes()
    except OSError:
        return False


@contextmanager
def running(data: Path, *arguments: str, **settings: str) -> Iterator[Product]:
    """Run bin/run on a free port until the block ends; wait until it says that it is ready."""
    process = subprocess.Popen(
        [ROOT / "bin" / "run", "--port", "0", *arguments],
        env=environment(DATA_DIR=str(data), **settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    product = Product(process, data)
    try:
        product.wait_for(READY)
        yield product
    finally:
        if process.poll() is None:
            product.stop()
        sys.stdout.write("\n".join(product.lines))
