"""The README keeps step: every setting, every command, every path it names."""

from __future__ import annotations

import re

import pytest

from app.cli import COMMANDS
from app.config import SETTINGS
from tests.product import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
MADE_FROM_THE_RUNNING_PRODUCT = {"docs/screenshot.png"}


def tree() -> list[str]:
    """Return the paths in the README's picture of the tree."""
    picture = README.split("## The code")[1].split("```")[1]
    lines = [line.split("  ")[0] for line in picture.strip().splitlines()]
    return [f"app/{path}" if path == "cli.py" else path for line in lines for path in line.split()]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_in_its_table(setting: object) -> None:
    [row] = [line for line in README.splitlines() if line.startswith(f"| `{setting.name}` |")]  # type: ignore[attr-defined]
    assert setting.meaning in row  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.name))
def test_every_command_is_in_its_table(command: object) -> None:
    assert re.search(rf"^\| `{command.name}[` ]", README, re.MULTILINE)  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", sorted({*tree(), *re.findall(r"\]\((?!http)([^)#]+)\)", README)}))
def test_every_path_it_names_exists(path: str) -> None:
    assert (ROOT / path).exists() or path in MADE_FROM_THE_RUNNING_PRODUCT
