"""bin/test: set up what is missing, then run every check and say at the end which ones failed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field

from run import chromium, install
from run.places import PYTHON, ROOT, one_line_errors, say
from run.progress import Progress

FOR_TESTS = "SLUICE_TEST_"
PYTEST_CLOSING = re.compile(r"=+ .*\d+ (passed|failed|error).* =+")


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    module: str
    arguments: tuple[str, ...]
    environ: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    exit_code: int
    seconds: float
    closing_line: str

    def __str__(self) -> str:
        word = "ok    " if self.exit_code == 0 else "FAILED"
        return f"{word} {self.name} ({self.seconds:.0f} s) {self.closing_line}".rstrip()


SUITE = ("-n", "2", "--dist", "worksteal")
WITHOUT_RUN = ("--ignore", "tests/test_run.py", "--ignore", "tests/run")  # they choose their own database
CHECKS = (
    Check("lint", "ruff", ("check", ".")),
    Check("format", "ruff", ("format", "--check", ".")),
    Check("types", "mypy", ()),
    Check("templates", "djlint", ("templates", "--lint", "--quiet")),
    Check("tests on SQLite", "pytest", SUITE),
    Check("tests on PostgreSQL", "pytest", SUITE + WITHOUT_RUN, {"SLUICE_TEST_DATABASE": "postgresql"}),
)


def run_check(check: Check, environ: dict[str, str]) -> Result:
    say(f"\n{check.name}: {check.module} {' '.join(check.arguments)}")
    started = time.monotonic()
    last: deque[str] = deque(maxlen=5)
    command = [str(PYTHON), "-m", check.module, *check.arguments]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environ | check.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            last.append(line.strip())
    return Result(check.name, process.returncode, time.monotonic() - started, closing_line(last))


def closing_line(last: deque[str]) -> str:
    return next((line.strip("= ") for line in reversed(last) if PYTEST_CLOSING.fullmatch(line)), "")


def run_all(environ: dict[str, str]) -> int:
    """Run every check, also after one failed; return the exit code."""
    results = [run_check(check, environ) for check in CHECKS]
    say("\n" + "\n".join(str(result) for result in results))
    return int(any(result.exit_code for result in results))


def run_pytest(arguments: list[str], environ: dict[str, str]) -> int:
    return subprocess.run([str(PYTHON), "-m", "pytest", *arguments], env=environ).returncode


def main() -> None:
    with one_line_errors():
        install.for_tests()
        found = chromium.path(Progress(sys.stdout))
        own = {name: text for name, text in os.environ.items() if name.startswith(FOR_TESTS)}
        rest = {name: text for name, text in os.environ.items() if not name.startswith("SLUICE_")}
        environ = rest | own | {"SLUICE_TEST_CHROMIUM": found}
        arguments = sys.argv[1:]
        sys.exit(run_pytest(arguments, environ) if arguments else run_all(environ))


if __name__ == "__main__":
    main()
