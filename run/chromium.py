"""Finds a Chromium for the browser tests, or installs one: Debian's as root, else the one from npm."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from run.install import node, npm_ci
from run.places import VENV, CannotGoOn
from run.progress import Progress

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
UNPACKED = VENV / "chromium"
UNPACK = """
const fs = require('fs'), zlib = require('zlib'), { pipeline } = require('stream')
const [source, target] = process.argv.slice(1)
pipeline(fs.createReadStream(source), zlib.createBrotliDecompress(), fs.createWriteStream(target),
  error => { if (error) { console.error(error.message); process.exit(1) } })
"""
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{directory}/fonts</dir><dir>/usr/share/fonts</dir><cachedir>/tmp/fonts-cache</cachedir></fontconfig>
"""
START = """#!/bin/sh
here=$(dirname -- "$(readlink -f -- "$0")")
export LD_LIBRARY_PATH="$here/lib" FONTCONFIG_PATH="$here"
export HOME="${HOME:-/tmp}"
exec "$here/headless-shell" "$@"
"""


def path(progress: Progress) -> str:
    """Return the path of a Chromium; install one where there is none."""
    return os.environ.get("SLUICE_TEST_CHROMIUM") or on_path() or from_debian(progress) or from_npm(progress)


def on_path() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def from_debian(progress: Progress) -> str | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    progress.step("Installing Debian's chromium")
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]
    try:
        progress.run(["apt-get", "update"], "Debian's package lists cannot be read", env=environ)
        progress.run(install, "Debian's chromium cannot be installed", env=environ)
    except CannotGoOn as error:
        progress.step(f"{error} Trying npm's")
    return on_path()


def from_npm(progress: Progress) -> str:
    """Unpack npm's headless Chromium into .venv, once; return its start script."""
    start = UNPACKED / "chromium"
    if not start.exists():
        progress.step("Fetching a headless Chromium")
        modules = npm_ci(VENV / "chromium-package", ["--omit=optional"], progress)
        unpack(modules / "@sparticuz" / "chromium" / "bin", node(progress), progress)
        shutil.rmtree(modules.parent)
        (UNPACKED / "fonts.conf").write_text(FONTS.format(directory=UNPACKED), encoding="utf-8")
        start.write_text(START, encoding="utf-8")
        start.chmod(0o755)
    return str(start)


def unpack(packed: Path, node_path: str, progress: Progress) -> None:
    UNPACKED.mkdir(exist_ok=True)
    for source in sorted(packed.glob("*.br")):
        target = UNPACKED / source.stem
        command = [node_path, "-e", UNPACK, str(source), str(target)]
        progress.run(command, "The headless Chromium could not be unpacked")
        if target.suffix == ".tar":
            subprocess.run(["tar", "-xf", target, "-C", UNPACKED], check=True)
            target.unlink()
    (UNPACKED / "chromium").rename(UNPACKED / "headless-shell")
    (UNPACKED / "headless-shell").chmod(0o755)
