"""code-exec: runs Python in a sandbox of bubblewrap: no network, nothing to read but Python itself."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from app.domain.calls import Cancellation
from app.domain.plugins import PluginFailed
from app.plugins import children

PYTHON_PATH = "/usr/local/bin:/usr/bin:/bin"
MEMORY_BYTES = 512 << 20
FILE_BYTES = 16 << 20
WORK_BYTES = 64 << 20
PROCESSES = 32
MOST_CODE = 50_000
MOST_OUTPUT = 8_000
# What begins in the sandbox: limits that nobody there can lift, then the program, which comes by stdin.
PROGRAM = """\
import resource, sys
for name, most in {limits}:
    resource.setrlimit(getattr(resource, name), (most, most))
exec(compile(sys.stdin.read(), "program.py", "exec"), {{"__name__": "__main__"}})
"""


@dataclass(slots=True)
class Runner:
    """Whether the operator allows a sandbox; set once at the start."""

    allowed: bool = False


runner = Runner()


def run(code: str, seconds: int, cancellation: Cancellation) -> str:
    """Return what a program prints, and how it ended where that was not well; raise PluginFailed."""
    if len(code) > MOST_CODE:
        raise PluginFailed(f"The program is longer than {MOST_CODE} characters.")
    try:
        ended = children.run(
            command(seconds),
            code.encode(errors="replace"),
            seconds + 1,
            MOST_OUTPUT,
            cancellation,
            as_nobody=True,
        )
    except OSError:
        raise PluginFailed("The sandbox could not be started.") from None
    return told(ended, seconds)


def command(seconds: int) -> list[str]:
    """Return the command line of the sandbox."""
    return [
        "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL",
        "--setenv", "PATH", PYTHON_PATH, "--setenv", "HOME", "/work", "--setenv", "LANG", "C.UTF-8",
        "--ro-bind", "/usr", "/usr",
        "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
        "--proc", "/proc", "--dev", "/dev", "--size", str(WORK_BYTES), "--tmpfs", "/work",
        "--size", str(WORK_BYTES), "--tmpfs", "/tmp", "--remount-ro", "/", "--chdir", "/work",
        "--uid", "65534", "--gid", "65534", "--hostname", "sandbox",
        "--", python(), "-I", "-c", PROGRAM.format(limits=limits(seconds)),
    ]  # fmt: skip


def limits(seconds: int) -> tuple[tuple[str, int], ...]:
    """Return the limits of each process in the sandbox."""
    return (
        ("RLIMIT_CPU", seconds),
        ("RLIMIT_AS", MEMORY_BYTES),
        ("RLIMIT_NPROC", PROCESSES),
        ("RLIMIT_FSIZE", FILE_BYTES),
        ("RLIMIT_NOFILE", 64),
        ("RLIMIT_CORE", 0),
    )


def python() -> str:
    """Return the machine's own Python: what lies elsewhere is not there in the sandbox."""
    return shutil.which("python3", path=PYTHON_PATH) or "/usr/bin/python3"


def told(ended: children.Finished, seconds: int) -> str:
    """Return what a program said, as the model is told."""
    said = ended.output.decode(errors="replace")
    if ended.late:
        return f"{said}\n[The program was stopped after {seconds} seconds.]".strip()
    if ended.cut:
        return f"{said}\n[The program was stopped: it printed more than {MOST_OUTPUT} bytes.]"
    if ended.status != 0:
        return f"{said}\n[The program ended with status {ended.status}.]".strip()
    return said or "[The program printed nothing. Print what you want to see.]"


def test(seconds: int) -> str:
    """Run a small program; return what came in a sentence, or raise PluginFailed."""
    said = run("print(6 * 7)", seconds, Cancellation())
    if said.strip() != "42":
        raise PluginFailed(f"The sandbox does not work on this machine. It said: {said[:300]}")
    return "The sandbox works: a small program ran in it."
