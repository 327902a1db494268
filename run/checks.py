"""bin/test: set up what is missing, then run every check and say at the end which ones failed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field, replace

from run import chromium, install, schema_suite, simulator
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


SUITE = ("-n", "2", "--dist", "worksteal", "--cache-clear")
AGAIN = ("--last-failed", "--last-failed-no-failures", "none")
LAST_FAILED = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
MOST_AGAIN = 3  # so few failures may be the machine's; more are ours
ON_ONE_DATABASE = (  # what asks no more of a database than others, or chooses its own, runs once
    "tests/test_run.py", "tests/run", "tests/domain", "tests/egress", "tests/providers",
    "tests/test_cli.py", "tests/test_config.py", "tests/test_layers.py", "tests/test_lifecycle.py",
    "tests/test_readme.py", "tests/test_redis_store.py", "tests/test_templates.py",
    "tests/browser", "tests/test_samples.py", "tests/test_streaming.py", "tests/gateway/test_compliance.py",
    "tests/gateway/test_parity_clients.py", "tests/gateway/test_passthrough_clients.py",
    "tests/services/test_answer_guards.py", "tests/services/test_health.py", "tests/services/test_limits.py",
    "tests/plugins", "tests/gateway/test_limits_live.py", "tests/test_doors_live.py",  # Redis and programs
    "tests/gateway/test_messages.py", "tests/gateway/test_responses.py", "tests/gateway/test_model_echo.py",
    "tests/gateway/test_variables.py", "tests/gateway/test_wrapper.py", "tests/gateway/test_healing.py",
    "tests/gateway/test_endpoint_schemas.py", "tests/gateway/test_order.py",  # shapes, and steps in order
    "tests/dashboard/test_docs.py", "tests/dashboard/test_change_words.py",
    "tests/dashboard/test_route_rules.py", "tests/dashboard/test_schema_sections.py",  # words and forms
)  # fmt: skip
ON_POSTGRESQL = SUITE + tuple(f"--ignore={path}" for path in ON_ONE_DATABASE)
CHECKS = (
    Check("lint", "ruff", ("check", ".")),
    Check("format", "ruff", ("format", "--check", ".")),
    Check("types", "mypy", ()),
    Check("templates", "djlint", ("templates", "--lint", "--quiet")),
    Check("tests on SQLite", "pytest", SUITE),
    Check("tests on PostgreSQL", "pytest", ON_POSTGRESQL, {"SLUICE_TEST_DATABASE": "postgresql"}),
)


def run_check(check: Check, environ: dict[str, str]) -> Result:
    """Run it. Up to three failed tests run once more, alone: what fails only beside others is told."""
    result = run_once(check, environ)
    if check.module != "pytest" or result.exit_code != 1 or not 0 < count_failed() <= MOST_AGAIN:
        return result
    say(f"\n{check.name}: what failed runs once more, alone")
    again = run_once(replace(check, arguments=AGAIN), environ)
    told = f"{result.closing_line}; alone: {again.closing_line}"
    return Result(check.name, again.exit_code, result.seconds + again.seconds, told)


def count_failed() -> int:
    """Return how many tests the last run of pytest left as failed."""
    return len(json.loads(LAST_FAILED.read_text())) if LAST_FAILED.exists() else 0


def run_once(check: Check, environ: dict[str, str]) -> Result:
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
            print(line, end="", flush=True)  # at once, also where the output is a file
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
        progress = Progress(sys.stdout)
        found = {
            "SLUICE_TEST_CHROMIUM": chromium.path(progress),
            "SLUICE_TEST_SIMULATOR": simulator.path(progress),
            "SLUICE_TEST_SCHEMA_SUITE": schema_suite.path(progress),
        }
        own = {name: text for name, text in os.environ.items() if name.startswith(FOR_TESTS)}
        rest = {name: text for name, text in os.environ.items() if not name.startswith("SLUICE_")}
        rest.pop("PYTHONDONTWRITEBYTECODE", None)  # else each server that a test starts compiles everything
        environ = rest | own | found
        arguments = sys.argv[1:]
        sys.exit(run_pytest(arguments, environ) if arguments else run_all(environ))


if __name__ == "__main__":
    main()
