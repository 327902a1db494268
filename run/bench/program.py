"""The program that plays the provider and makes the calls: built from gwbench/, spoken to in JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from run.bench import machine, packages, processes
from run.places import CannotGoOn
from run.progress import Progress

SOURCE = Path(__file__).parent / "gwbench"
BUILT = packages.PLACE / "gwbench"
USUAL = {"chunks": 50, "delay_ms": 0, "latency_ms": 0, "body_bytes": 700, "pad_bytes": 0, "batch": 1}


def built() -> Path:
    """Return the program; build it where its source is newer."""
    newest = max(path.stat().st_mtime for path in SOURCE.iterdir())
    if BUILT.is_file() and BUILT.stat().st_mtime > newest:
        return BUILT
    go = packages.go(Progress(sys.stdout))
    BUILT.parent.mkdir(parents=True, exist_ok=True)
    command = [go, "build", "-o", str(BUILT), "."]
    result = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True)
    if result.returncode:
        raise CannotGoOn(f"the load generator cannot be built: {result.stderr.strip()[:200]}")
    return BUILT


@dataclass(frozen=True, slots=True)
class Program:
    """The load generator, and the mock provider that it knows at `port`."""

    path: Path
    port: int
    cores: machine.Cores

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer_with(self, **settings: int) -> None:
        """Have the mock answer so from now on; what is not given is as usual, status 200."""
        pairs = [f"{name}={number}" for name, number in (USUAL | {"status": 200} | settings).items()]
        self.run("conf", "-mock", f"127.0.0.1:{self.port}", *pairs)

    def run(self, *arguments: str) -> dict[str, Any]:
        """Run one command; return what it found. Raises CannotGoOn where it fails."""
        with machine.pinned(self.cores.load):
            result = subprocess.run([str(self.path), *arguments], capture_output=True, text=True)
        if result.returncode:
            raise CannotGoOn(f"gwbench {arguments[0]}: {result.stderr.strip()[-200:]}")
        found: dict[str, Any] = json.loads(result.stdout)
        return found


@contextmanager
def running(directory: Path, cores: machine.Cores) -> Iterator[Program]:
    """Build the program, run its mock provider on a free port."""
    program = Program(built(), machine.free_port(), cores)
    command = [str(program.path), "mock", "-addr", f"127.0.0.1:{program.port}"]
    log = directory / "mock.log"
    with processes.server(command, processes.without_settings(), cores.mock, log) as process:
        processes.wait_until(lambda: processes.answers(program.port, "/v1/models"), process, log)
        yield program
