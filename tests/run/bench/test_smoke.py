"""bin/bench for real, as short as can be: servers start, calls are answered, a table comes out, all ends."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from run.places import PYTHON, ROOT

pytestmark = pytest.mark.skipif(
    shutil.which("go") is None, reason="no Go on the PATH to build the load generator"
)


@pytest.mark.timeout(300)  # on a busy machine; it takes some ten seconds of CPU time
def test_a_short_run_measures_the_product_and_leaves_nothing_behind() -> None:
    command = [str(PYTHON), "-P", "-m", "run.bench.command", "--quick"]
    command += ["--rounds", "1", "--seconds", "0.3", "--only", "lat"]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    before = set(os.listdir("/proc"))
    result = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=280)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "p50+ ms" in result.stdout and "admission" in result.stdout
    assert "calls failed" not in result.stdout
    assert not [one for one in set(os.listdir("/proc")) - before if belongs_to_a_bench(one)]


def belongs_to_a_bench(process: str) -> bool:
    try:
        with open(f"/proc/{process}/environ", "rb") as file:
            return process.isdigit() and b"SLUICE_SECRET_KEY=bench-secret" in file.read()
    except OSError:
        return False
