"""Children are started again with growing pauses, and nothing that they started outlives the run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from run import processes
from run.places import ROOT
from run.processes import Child

GRANDCHILD = """
import os, subprocess
from run.processes import adopt_orphans, bury_orphans, children_of, end_orphans
adopt_orphans()
subprocess.run(["sh", "-c", "sleep 600 & exit 0"], stdin=subprocess.DEVNULL)
print(len(children_of(os.getpid())), end=" ")
end_orphans()
print(len(children_of(os.getpid())), end=" ")
bury_orphans(set())
try:
    print(os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print("none")
"""


def end_and_plan(child: Child) -> float | None:
    child.start({})
    assert child.process is not None
    child.process.wait()
    return child.plan_restart()


def test_a_child_that_keeps_ending_waits_longer_each_time_until_it_is_given_up() -> None:
    child = Child("one", ["true"], grace_seconds=1)
    pauses = []
    for _ in range(processes.MOST_QUICK_ENDS):
        pauses.append(end_and_plan(child))
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30, 30, None]


def test_a_child_that_lived_long_is_started_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    child = Child("one", ["true"], grace_seconds=1)
    for _ in range(5):
        end_and_plan(child)
    monkeypatch.setattr(processes, "QUICK_END_SECONDS", 0.0)
    assert end_and_plan(child) == 1


def test_what_a_child_left_running_is_ended_too() -> None:
    command = [sys.executable, "-c", GRANDCHILD]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True)
    assert result.stdout.split() == ["1", "0", "none"]
