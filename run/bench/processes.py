"""Servers that run while a measurement lasts, and what the kernel tells of their memory and CPU time."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from run import processes
from run.bench import machine, packages
from run.places import ROOT, CannotGoOn

START_SECONDS = 120.0
END_SECONDS = 50.0
Process = subprocess.Popen[bytes]


@contextmanager
def server(
    command: list[str], environ: Mapping[str, str], cores: frozenset[int], log: Path
) -> Iterator[Process]:
    """Run a server on these cores; it ends with the block. What it writes goes to `log`."""
    with log.open("wb") as output, machine.pinned(cores):
        process = processes.spawn(command, environ, output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(ready: Callable[[], bool], process: Process, log: Path) -> None:
    """Wait for a server; raise CannotGoOn with its last line where it ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [""]
            raise CannotGoOn(f"{log.stem} did not start: {lines[-1]}")
        time.sleep(0.1)


def answers(port: int, path: str) -> bool:
    """Tell whether something answers there, and not with an error of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def descendants(root: int) -> list[int]:
    """Return the process and everything below it."""
    found = [root]
    for parent in found:
        found += processes.children_of(parent)
    return found


def named(root: int, word: str) -> int:
    """Return the first process below `root` whose command line has the word."""
    for child in descendants(root):
        if word in Path(f"/proc/{child}/cmdline").read_text(encoding="utf-8", errors="replace"):
            return child
    raise CannotGoOn(f"no process of {word} is running")


def memory(process: int) -> dict[str, int]:
    """Return the kilobytes of one process by kind, as smaps_rollup names them: Rss, Pss, …"""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines()[1:]
    return {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}


def without_settings() -> dict[str, str]:
    """Return the environment without any setting of the product; Python's compiled files have a place.

    A process that compiles what it loads is larger ever after, and not what an operator runs.
    """
    kept = {name: text for name, text in os.environ.items() if not name.startswith("SLUICE_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(packages.PLACE / "compiled")}
