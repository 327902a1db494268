"""The sandbox: its command line always, its walls where this machine may make namespaces."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from app.domain.calls import Cancellation
from app.domain.plugins import PluginFailed
from app.plugins import code_exec


def why_not() -> str:
    """Return why no sandbox can be made here; empty where one can."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    try:
        code_exec.test(5)
    except (PluginFailed, subprocess.SubprocessError):
        return "this machine allows no namespaces"
    return ""


@pytest.fixture(scope="module")
def sandbox() -> None:
    """Skip where there is no sandbox to be had."""
    reason = why_not()
    if reason:
        pytest.skip(reason)


def run(code: str, seconds: int = 5) -> str:
    return code_exec.run(code, seconds, Cancellation())


def test_the_command_line_leaves_nothing_open() -> None:
    line = code_exec.command(7)
    box = line[: line.index("--")]
    assert line[0] == "bwrap"
    assert {"--unshare-all", "--die-with-parent", "--new-session", "--clearenv"} <= set(box)
    assert box[box.index("--cap-drop") + 1] == "ALL"
    assert "--share-net" not in box and "--bind" not in box
    assert [box[n + 1] for n, word in enumerate(box) if word == "--ro-bind"] == ["/usr"]
    program = line[-1]
    assert "('RLIMIT_CPU', 7)" in program and "RLIMIT_AS" in program and "RLIMIT_NPROC" in program
    compile(program, "program", "exec")


def test_a_program_too_long_is_refused() -> None:
    with pytest.raises(PluginFailed, match="longer"):
        run("#" * 60_000)


@pytest.mark.usefixtures("sandbox")
class TestWalls:
    """What a program in the sandbox may and may not."""

    def test_it_computes_and_keeps_files_for_itself(self) -> None:
        assert run("open('x', 'w').write('42'); print(open('x').read())") == "42\n"

    @pytest.mark.parametrize(
        ("code", "word"),
        [
            ("import socket; socket.create_connection(('127.0.0.1', 6379), 1)", "refused"),
            ("open('/etc/passwd')", "No such file"),
            ("open('/usr/x', 'w')", "Read-only"),
            ("x = bytearray(10**10)", "MemoryError"),
            ("raise SystemExit(3)", "status 3"),
            ("pass", "printed nothing"),
        ],
    )
    def test_what_it_may_not(self, code: str, word: str) -> None:
        assert word in run(code)

    def test_it_sees_nothing_of_its_host(self) -> None:
        seen = run("import os; print(sorted(os.listdir('/')), len(os.environ), os.listdir('/proc')[:0])")
        assert "home" not in seen and "etc" not in seen and "root" not in seen

    def test_forks_come_to_an_end(self) -> None:
        code = "import os, time\nn = 0\nwhile n < 200:\n  if os.fork() == 0: time.sleep(30)\n  n += 1"
        assert "unavailable" in run(code)

    def test_it_is_stopped_for_its_time_and_for_its_noise(self) -> None:
        assert "stopped after 1 seconds" in run("import time; print('on', flush=True); time.sleep(60)", 1)
        noisy = run("while True: print('x' * 1000)")
        assert "printed more than" in noisy and len(noisy) < 9_000
