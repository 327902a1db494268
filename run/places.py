"""Where things are in a checkout, and what its commands say when they cannot go on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
VENDOR = ROOT / "static" / "vendor"


class CannotGoOn(Exception):
    """The command ends; the text is the one line that a person reads."""


def say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the process with one clear line where something is known to be in the way."""
    try:
        yield
    except CannotGoOn as error:
        sys.exit(f"sluice: {error}")
    except PermissionError as error:
        sys.exit(f"sluice: {error.filename} cannot be written or read by this user (uid {os.geteuid()}).")
    except KeyboardInterrupt:
        sys.exit(130)
