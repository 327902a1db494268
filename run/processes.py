"""Child processes that end with their parent, however the parent ends."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO

from run.places import ROOT

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LIBC = ctypes.CDLL(None)

QUICK_END_SECONDS = 60.0  # a process that lived shorter counts as not having started
MOST_QUICK_ENDS = 10
LONGEST_PAUSE_SECONDS = 30.0


@dataclass(slots=True)
class Child:
    """One process of the product: how to start it, how long it may take to end."""

    name: str
    command: list[str]
    grace_seconds: float
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    quick_ends: int = 0
    start_at: float | None = field(default=None)  # when to start it again

    def start(self, environ: Mapping[str, str]) -> None:
        self.start_at = None
        self.started_at = time.monotonic()
        self.process = spawn(self.command, environ)

    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def plan_restart(self) -> float | None:
        """Return the seconds to wait before the next start, or None when it ended too often too soon."""
        lived = time.monotonic() - self.started_at
        self.quick_ends = self.quick_ends + 1 if lived < QUICK_END_SECONDS else 1
        if self.quick_ends >= MOST_QUICK_ENDS:
            return None
        pause = min(2.0 ** (self.quick_ends - 1), LONGEST_PAUSE_SECONDS)
        self.process, self.start_at = None, time.monotonic() + pause
        return pause


def spawn(
    command: list[str], environ: Mapping[str, str], output: IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that Ctrl-C reaches its parent alone.

    What it writes goes to `output`, or where its parent's goes.
    """
    parent_id = os.getpid()

    def end_with_parent() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent_id:
            os._exit(1)

    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        preexec_fn=end_with_parent,
    )


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent ends."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)


def children_of(parent_id: int) -> list[int]:
    """List the ids of the living processes whose parent this is."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            state, parent = state_and_parent(entry.path)
            if parent == parent_id and state != "Z":
                found.append(int(entry.name))
    return found


def state_and_parent(directory: str) -> tuple[str, int]:
    try:
        with open(f"{directory}/stat", encoding="utf-8", errors="replace") as file:
            state, parent = file.read().rpartition(")")[2].split()[:2]
    except OSError:
        return "Z", 0
    return state, int(parent)


def bury_orphans(own: set[int]) -> None:
    """Take note of adopted processes that ended; `own` are those that somebody else waits for."""
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    try:
        while (ended := os.waitid(os.P_ALL, 0, flags)) and ended.si_pid not in own:
            os.waitpid(ended.si_pid, 0)
    except ChildProcessError:
        return


def end_orphans() -> None:
    """Kill whatever is left of what the children started."""
    for _ in range(3):
        for process_id in children_of(os.getpid()):
            os.kill(process_id, signal.SIGKILL)
        time.sleep(0.02)
