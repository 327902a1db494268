"""bin/sluice: set up what is missing, then become the app's command line, in the caller's directory."""

from __future__ import annotations

import os
import sys

from run import install
from run.places import PYTHON, one_line_errors


def main() -> None:
    with one_line_errors():
        install.for_product(output=sys.stderr)
    os.execv(PYTHON, [str(PYTHON), "-P", "-m", "run.command", *sys.argv[1:]])


if __name__ == "__main__":
    main()
