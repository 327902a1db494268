"""Set-up of a fresh checkout: virtual environment, locked packages, browser files.

Runs on the machine's own Python with the standard library alone. Each part leaves a stamp, the hash of
its lock file, so that a part already there costs nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from run import virtualenv
from run.places import PYTHON, ROOT, VENDOR, VENV, CannotGoOn
from run.progress import Progress

MACHINE_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
BROWSER_FILES = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/LICENSE": "htmx.LICENSE.txt",
    "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": "inter-latin-wght-normal.woff2",
    "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2": "inter-latin-ext-wght-normal.woff2",
    "@fontsource-variable/inter/LICENSE": "inter.LICENSE.txt",
}


def for_product(output: TextIO = sys.stdout) -> None:
    """Make sure that bin/run and bin/sluice have all they need; at once where they have."""
    install(("requirements.txt",), Progress(output))


def for_tests() -> None:
    install(("requirements.txt", "requirements-dev.txt"), Progress(sys.stdout))


def install(requirements: tuple[str, ...], progress: Progress) -> None:
    if virtualenv.works() and is_current(*requirements):
        return
    with only_one(progress):
        if not virtualenv.works():
            progress.step("Making the virtual environment .venv")
            virtualenv.make(progress)
        for name in requirements:
            install_packages(name, progress)
        install_browser_files(progress)


def is_current(*requirements: str) -> bool:
    return all(has_stamp(VENV, name) for name in requirements) and has_stamp(VENDOR, "package-lock.json")


@contextmanager
def only_one(progress: Progress) -> Iterator[None]:
    """Hold the checkout, so that two commands do not set it up at once."""
    handle = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.step("Waiting for another command that sets up this checkout")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def install_packages(name: str, progress: Progress) -> None:
    if has_stamp(VENV, name):
        return
    total = sum("==" in line for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    progress.step(f"Installing {total} Python packages of {name}")
    command = [*virtualenv.pip(), "install", "--no-input", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--require-hashes", "-r", str(ROOT / name)]
    progress.run(command, "The Python packages could not be installed")
    put_stamp(VENV, name)


def install_browser_files(progress: Progress) -> None:
    if has_stamp(VENDOR, "package-lock.json"):
        return
    progress.step("Fetching the browser files")
    modules = npm_ci(VENV / "browser-files", ["--omit=dev", "--omit=optional"], progress)
    VENDOR.mkdir(parents=True, exist_ok=True)
    for source, target in BROWSER_FILES.items():
        shutil.copyfile(modules / source, VENDOR / target)
    put_stamp(VENDOR, "package-lock.json")
    shutil.rmtree(VENV / "browser-files")


def npm_ci(directory: Path, options: list[str], progress: Progress) -> Path:
    """Install package-lock.json's packages into `directory`; no package's own script runs."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(ROOT / name, directory / name)
    command = [*npm(progress), "ci", "--ignore-scripts", "--no-audit", "--no-fund", *options]
    environ = npm_environ(directory / "cache")
    progress.run(command, "The packages from npm could not be fetched", cwd=directory, env=environ)
    shutil.rmtree(directory / "cache", ignore_errors=True)
    return directory / "node_modules"


def npm_environ(cache: Path) -> dict[str, str]:
    """Return an environment in which npm needs no home, and trusts whom the machine trusts (as pip does)."""
    environ = os.environ | {"npm_config_cache": str(cache), "npm_config_update_notifier": "false"}
    if MACHINE_CERTIFICATES.is_file():
        environ.setdefault("NODE_EXTRA_CA_CERTS", str(MACHINE_CERTIFICATES))
    return environ


def npm(progress: Progress) -> list[str]:
    """Return the command for npm: the machine's, or the one of a Python package."""
    found = shutil.which("npm")
    if found and shutil.which("node"):
        return [found]
    install_packages("requirements-node.txt", progress)
    return [str(PYTHON.with_name("npm"))]


def node(progress: Progress) -> str:
    """Return the path of node, which comes with npm."""
    command = npm(progress)[0]
    return shutil.which("node") or str(Path(command).with_name("node"))


def stamp(name: str) -> str:
    try:
        return hashlib.sha256((ROOT / name).read_bytes()).hexdigest()
    except FileNotFoundError:
        raise CannotGoOn(f"{ROOT / name} is missing; the checkout is not whole.") from None


def has_stamp(directory: Path, name: str) -> bool:
    try:
        return (directory / f".{name}.stamp").read_text(encoding="utf-8") == stamp(name)
    except OSError:
        return False


def put_stamp(directory: Path, name: str) -> None:
    (directory / f".{name}.stamp").write_text(stamp(name), encoding="utf-8")
