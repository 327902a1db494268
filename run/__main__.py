"""bin/run: check the options, set up what is missing, then become the supervisor."""

from __future__ import annotations

import os
import sys

from run import install, options
from run.places import PYTHON, one_line_errors


def main() -> None:
    options.parse(sys.argv[1:])
    with one_line_errors():
        install.for_product()
    os.execv(PYTHON, [str(PYTHON), "-P", "-m", "run.supervisor", *sys.argv[1:]])


if __name__ == "__main__":
    main()
