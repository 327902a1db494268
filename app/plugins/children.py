"""Runs a program of its own process group: what goes in, what comes out, and an end that it cannot escape."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.calls import Cancellation

NOBODY = 65534


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended. `cut`: it said more than it may; `late`: it was ended for its time."""

    status: int
    output: bytes
    cut: bool
    late: bool


def run(
    command: Sequence[str],
    given: bytes,
    seconds: float,
    most_output: int,
    cancellation: Cancellation,
    *,
    as_nobody: bool = False,
) -> Finished:
    """Run the program to its end, at most so long; raise OSError when it cannot be started.

    Killed is its whole group: when its time is over, when it says too much, when the call is cancelled.
    `as_nobody`: not as root, where we are root, for the limit on processes does not hold for root.
    """
    process, late = started(command, as_nobody=as_nobody), threading.Event()

    def end() -> None:
        late.set()
        kill(process)

    timer = threading.Timer(seconds, end)
    forget = cancellation.on_cancel(lambda: kill(process))
    timer.start()
    try:
        output = talk(process, given, most_output + 1)
    finally:
        kill(process)
        timer.cancel()
        forget()
        status = process.wait()
    return Finished(status, output[:most_output], len(output) > most_output, late.is_set())


def started(command: Sequence[str], *, as_nobody: bool) -> subprocess.Popen[bytes]:
    """Start the program in a process group of its own, with next to nothing in its environment."""
    other: dict[str, Any] = {}
    if as_nobody and os.geteuid() == 0:
        other = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
        cwd="/",
        start_new_session=True,
        **other,
    )


def talk(process: subprocess.Popen[bytes], given: bytes, most: int) -> bytes:
    """Give the program its input and return the first bytes of what it says; it ends when it has ended."""
    assert process.stdin is not None and process.stdout is not None
    with process.stdout:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError), process.stdin:
            process.stdin.write(given)
        output = process.stdout.read(most)
        if len(output) < most:
            process.wait()
        return output


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the program and all that it started, unless it is known to have ended."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
