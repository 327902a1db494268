"""bin/bench for real, as short as can be: servers start, calls are answered, a table comes out, all ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid

import pytest

from run.places import PYTHON, ROOT

pytestmark = pytest.mark.skipif(
    shutil.which("go") is None, reason="no Go on the PATH to build the load generator"
)


@pytest.mark.timeout(300)  # on a busy machine; it takes some ten seconds of CPU time
def test_a_short_run_measures_the_product_and_leaves_nothing_behind() -> None:
    command = [str(PYTHON), "-P", "-m", "run.bench.command", "--quick"]
    command += ["--rounds", "1", "--seconds", "0.3", "--only", "lat"]
    mark = f"mark-{uuid.uuid4()}"  # every process that the run starts inherits it
    environ = os.environ | {"PYTHONPATH": str(ROOT), "BENCH_TEST": mark}
    result = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=280)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "p50+ ms" in result.stdout and "admission" in result.stdout
    assert "calls failed" not in result.stdout
    assert not [one for one in os.listdir("/proc") if is_marked(one, mark)]


def is_marked(process: str, mark: str) -> bool:
    try:
        with open(f"/proc/{process}/environ", "rb") as file:
            return mark.encode() in file.read()
    except OSError:
        return False
