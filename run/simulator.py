"""Finds the simulator of model providers for the tests, or fetches it from npm."""

from __future__ import annotations

import os
from pathlib import Path

from run.install import has_stamp, npm_ci, put_stamp
from run.places import VENV
from run.progress import Progress

DIRECTORY = VENV / "simulator"
SCRIPT = Path("@copilotkit") / "aimock" / "dist" / "cli.js"


def path(progress: Progress) -> str:
    """Return the path of the simulator's script; fetch it where it is not there."""
    given = os.environ.get("SLUICE_TEST_SIMULATOR")
    if given:
        return given
    if not has_stamp(DIRECTORY, "package-lock.json"):
        progress.step("Fetching the simulator of model providers")
        npm_ci(DIRECTORY, ["--omit=dev"], progress)
        put_stamp(DIRECTORY, "package-lock.json")
    return str(DIRECTORY / "node_modules" / SCRIPT)
