"""A simulator of model providers that knows nothing of us: npm's aimock, told what to answer."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from run.places import PYTHON
from run.simulator import DIRECTORY, SCRIPT
from tests.live import free_port

START_SECONDS = 30.0


def command() -> list[str] | None:
    """Return what starts the simulator, None where it is not installed."""
    script = os.environ.get("SLUICE_TEST_SIMULATOR") or str(DIRECTORY / "node_modules" / SCRIPT)
    node = shutil.which("node") or shutil.which("node", path=str(PYTHON.parent))
    return [node, script] if node and Path(script).is_file() else None


@contextmanager
def simulating(directory: Path, answers: dict[str, dict[str, Any]]) -> Iterator[int]:
    """Answer each question as told, over both dialects, until the block ends; yield the port."""
    started, port = command(), free_port()
    assert started is not None, "bin/test installs the simulator"
    fixtures = [{"match": {"userMessage": asked}, "response": said} for asked, said in answers.items()]
    path = directory / "answers.json"
    path.write_text(json.dumps({"fixtures": fixtures}), encoding="utf-8")
    options = ["-p", str(port), "-f", str(path), "--log-level", "silent", "--chunk-size", "5"]
    process = subprocess.Popen([*started, *options])
    try:
        wait_until_up(port)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)


def wait_until_up(port: int) -> None:
    """Return once it answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.02)
        finally:
            connection.close()
    raise AssertionError("the simulator did not come up")
