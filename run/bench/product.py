"""The product under test: bin/run with one worker, a PostgreSQL that syncs every commit, its own Valkey."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from run.bench import machine, processes, settings
from run.places import PYTHON, ROOT, CannotGoOn
from tests import servers

SECRET = "bench-secret-key-of-no-other-use"
DURABLE = ["max_connections=100"]  # everything else, fsync too, is PostgreSQL's default


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that runs: where it listens, how it is called, and what it consists of."""

    name: str
    base_url: str
    calls: dict[str, settings.Call]
    process: int  # root of the server's own processes; 0: not measured
    everything: int = 0  # root of all that was started with it
    environ: dict[str, str] | None = None


@contextmanager
def database(cores: machine.Cores) -> Iterator[str]:
    """Run PostgreSQL as it comes, its files on a disk; yield the URL of its database `postgres`."""
    with machine.pinned(cores.database):
        started = servers.postgresql(DURABLE, memory=False)
        url = started.__enter__()
    try:
        yield url
    finally:
        started.__exit__(None, None, None)


@contextmanager
def running(
    name: str, directory: Path, database_url: str, upstream: str, cores: machine.Cores, more: dict[str, str]
) -> Iterator[Gateway]:
    """Run the product on an empty database with the settings for the measurements."""
    port = machine.free_port()
    data = directory / f"product-{port}"
    data.mkdir()
    environ = processes.without_settings() | more
    environ |= {
        "SLUICE_DATA_DIR": str(data),
        "SLUICE_DATABASE_URL": own_database(database_url, f"product_{port}"),
        "SLUICE_SECRET_KEY": SECRET,
        "SLUICE_PRIVATE_UPSTREAMS": upstream.removeprefix("http://"),
    }
    command = [str(ROOT / "bin" / "run"), "--port", str(port), "--workers", "1"]
    log = directory / f"product-{port}.log"
    with processes.server(command, environ, cores.gateway, log) as process:
        processes.wait_until(lambda: processes.answers(port, "/readyz"), process, log)
        apply(environ, directory, settings.file(f"{upstream}/v1"))
        server = processes.named(process.pid, "gunicorn")
        url = f"http://127.0.0.1:{port}"
        yield Gateway(name, url, settings.CALLS, server, process.pid, environ)


def own_database(server_url: str, name: str) -> str:
    """Make an empty database on the server; return its URL."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server_url.replace("@/postgres?", f"@/{name}?")


def apply(environ: dict[str, str], directory: Path, wanted: dict[str, object]) -> None:
    """Bring settings into the product, as its operator does."""
    path = directory / "bench.yaml"
    path.write_text(json.dumps(wanted), encoding="utf-8")  # JSON is YAML
    command = [str(PYTHON), "-P", "-m", "run.command", "apply", str(path)]
    result = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    if result.returncode:
        raise CannotGoOn(f"the settings cannot be applied: {(result.stdout + result.stderr).strip()[-300:]}")
