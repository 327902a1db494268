"""The same promises under gevent, as in production."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PATCHED = "TESTS_RUN_ON_GREENLETS"
CODE = (
    "from gevent import monkey; monkey.patch_all(); import pytest, sys; sys.exit(pytest.main(sys.argv[1:]))"
)
OPTIONS = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--timeout=60"]


@pytest.mark.skipif(PATCHED in os.environ, reason="this is that run")
@pytest.mark.timeout(170)
def test_all_of_it_holds_on_greenlets_too() -> None:
    """Run the tests of this folder and of the adapters again where gevent patched the standard library."""
    here = Path(__file__).resolve().parent
    files = [str(here), str(here.parent / "providers")]
    done = subprocess.run(
        [sys.executable, "-c", CODE, *OPTIONS, *files],
        cwd=here.parent.parent,
        env={**os.environ, PATCHED: "1"},
        capture_output=True,
        text=True,
        timeout=160,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
