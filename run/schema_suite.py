"""Finds the official JSON-Schema-Test-Suite for the tests, or fetches it: it comes with jsonschema's source.

Of that source only the suite's files are taken; which version, and its hash, stands in requirements-dev.txt.
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from pathlib import Path

from run import virtualenv
from run.install import has_stamp, put_stamp
from run.places import ROOT, VENV
from run.progress import Progress

DIRECTORY = VENV / "schema-suite"
LOCK = "requirements-dev.txt"
LOCKED = re.compile(r"^jsonschema==.*(?:\n +--hash=.*)+", re.MULTILINE)
SUITE = re.compile(r"[^/]+/json/tests/(draft7|draft2020-12)/([\w-]+\.json)")


def path(progress: Progress) -> str:
    """Return the directory with a directory for each draft; fetch it where it is not there."""
    given = os.environ.get("SLUICE_TEST_SCHEMA_SUITE")
    if given:
        return given
    if not has_stamp(DIRECTORY, LOCK):
        progress.step("Fetching the JSON-Schema-Test-Suite")
        fetch(progress)
        put_stamp(DIRECTORY, LOCK)
    return str(DIRECTORY)


def fetch(progress: Progress) -> None:
    """Download the locked source and unpack the suite's files."""
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir(parents=True)
    locked = LOCKED.search((ROOT / LOCK).read_text(encoding="utf-8"))
    assert locked is not None
    wanted = DIRECTORY / "wanted.txt"
    wanted.write_text(locked[0].replace("\\\n", ""), encoding="utf-8")
    command = [*virtualenv.pip(), "download", "--no-input", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-binary", ":all:", "--no-build-isolation", "--require-hashes"]
    command += ["-r", str(wanted), "-d", str(DIRECTORY)]
    progress.run(command, "The JSON-Schema-Test-Suite could not be fetched")
    unpack(next(DIRECTORY.glob("*.tar.gz")))


def unpack(archive: Path) -> None:
    """Write the suite's files alone, each under its draft."""
    with tarfile.open(archive) as source:
        for member in source:
            found = SUITE.fullmatch(member.name)
            content = source.extractfile(member) if found and member.isfile() else None
            if found and content is not None:
                (DIRECTORY / found[1]).mkdir(exist_ok=True)
                (DIRECTORY / found[1] / found[2]).write_bytes(content.read())
    archive.unlink()
