"""Runs what the options ask for, in the virtual environment."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from run.bench import compare, growth, options, soak
from run.places import one_line_errors


def main() -> None:
    wanted = options.parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, interrupt)
    with one_line_errors(), tempfile.TemporaryDirectory(prefix="sluice-bench-") as directory:
        {"compare": compare, "growth": growth, "soak": soak}[wanted.what].run(wanted, Path(directory))


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """End as with Ctrl-C, so that every server that was started ends too."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
