"""The checkout's virtual environment, also where Debian split `venv` and pip off Python."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys

from run.places import PYTHON, VENV, CannotGoOn
from run.progress import Progress

HAS_PACKAGES = "import os, sys, sysconfig; sys.exit(not os.path.isdir(sysconfig.get_path('purelib')))"


def works() -> bool:
    """Tell whether .venv runs and is of the Python that it was made with (Debian may have moved on)."""
    try:
        return subprocess.run([PYTHON, "-I", "-S", "-c", HAS_PACKAGES], capture_output=True).returncode == 0
    except OSError:
        return False


def make(progress: Progress) -> None:
    if not can_import("ensurepip") and not can_import("pip"):
        install_venv_package(progress)
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    if not can_import("ensurepip"):
        command.append("--without-pip")
    progress.run(command, "The virtual environment could not be made")


def can_import(name: str) -> bool:
    importlib.invalidate_caches()
    return importlib.util.find_spec(name) is not None and importlib.util.find_spec("venv") is not None


def install_venv_package(progress: Progress) -> None:
    """Install Debian's python3-venv where that is possible; raise CannotGoOn where it is not."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise CannotGoOn(f"Python {version} has neither venv nor pip; first do: apt-get install python3-venv")
    progress.step("Installing Debian's python3-venv")
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    problem = "Debian's python3-venv could not be installed"
    progress.run(["apt-get", "update"], problem, env=environ)
    command = ["apt-get", "install", "-y", "--no-install-recommends", "python3-venv"]
    progress.run(command, problem, env=environ)
    if not can_import("ensurepip"):
        raise CannotGoOn(f"Python {version} ({sys.executable}) still has neither venv nor pip.")


def pip() -> list[str]:
    """Return the pip that installs into .venv: its own, or the machine's where it has none."""
    own = subprocess.run([PYTHON, "-I", "-c", "import pip"], capture_output=True)
    if own.returncode == 0:
        return [str(PYTHON), "-m", "pip"]
    return [sys.executable, "-m", "pip", "--python", str(PYTHON)]
