"""bin/bench: check the options, set up what is missing, then measure in the virtual environment."""

from __future__ import annotations

import os
import sys

from run import install
from run.bench import options
from run.places import PYTHON, one_line_errors


def main() -> None:
    options.parse(sys.argv[1:])
    with one_line_errors():
        install.for_tests()
    os.execv(PYTHON, [str(PYTHON), "-P", "-m", "run.bench.command", *sys.argv[1:]])


if __name__ == "__main__":
    main()
