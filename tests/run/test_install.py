"""What is installed is pinned: hashes for Python, integrity for the browser, nothing fetched twice."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from run import install
from run.places import ROOT


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-node.txt"])
def test_every_python_package_is_pinned_with_hashes(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for entry in re.split(r"\n(?=[a-z0-9])", re.sub(r"^#.*\n", "", text, flags=re.M).strip()):
        assert "==" in entry.splitlines()[0]
        assert "--hash=sha256:" in entry


def test_every_browser_package_is_pinned_without_an_address() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages["node_modules/htmx.org"]["version"].startswith("2.0.")
    for package in packages.values():
        assert package["integrity"].startswith("sha512-")
        assert "resolved" not in package


def test_the_browser_files_are_there() -> None:
    for name in install.BROWSER_FILES.values():
        assert (ROOT / "static" / "vendor" / name).stat().st_size > 0


def test_a_stamp_holds_until_its_lock_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "ROOT", tmp_path)
    (tmp_path / "lock.txt").write_text("one")
    assert not install.has_stamp(tmp_path, "lock.txt")
    install.put_stamp(tmp_path, "lock.txt")
    assert install.has_stamp(tmp_path, "lock.txt")
    (tmp_path / "lock.txt").write_text("two")
    assert not install.has_stamp(tmp_path, "lock.txt")
