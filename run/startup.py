"""What bin/run makes sure of before it starts anything: settings, data directory, port."""

from __future__ import annotations

import fcntl
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from app.config import ConfigError, Settings, load
from run.options import Options
from run.places import ROOT, CannotGoOn

LOCK_NAME = "run.lock"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything decided at the start. `environ` is what each process gets."""

    settings: Settings
    environ: dict[str, str]
    host: str
    port: int
    workers: int

    @property
    def address(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"

    @property
    def local_host(self) -> str:
        """Where this machine reaches the web server."""
        return local_host(self.host)

    @property
    def local_url(self) -> str:
        return local_url(self.host, self.port)

    @property
    def uses_sqlite(self) -> bool:
        return is_sqlite(self.settings)

    @property
    def is_embedded(self) -> bool:
        """Whether anything is kept in the data directory."""
        return self.settings.embedded_redis or self.uses_sqlite


def make_plan(options: Options) -> Plan:
    port = free_port(options.host, options.port)
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    if options.data is not None:
        environ.pop("SLUICE_DATA_DIR_FILE", None)
        environ["SLUICE_DATA_DIR"] = str(options.data.expanduser().absolute())
    if not {"SLUICE_BASE_URL", "SLUICE_BASE_URL_FILE"} & environ.keys():
        environ["SLUICE_BASE_URL"] = local_url(options.host, port)
    settings = read_settings(environ)
    return Plan(settings, environ, options.host, port, count_workers(options, settings))


def read_settings(environ: dict[str, str]) -> Settings:
    try:
        return load(environ)
    except ConfigError as error:
        raise CannotGoOn(str(error)) from None


def is_sqlite(settings: Settings) -> bool:
    return settings.database_url.startswith("sqlite")


def count_workers(options: Options, settings: Settings) -> int:
    if not is_sqlite(settings):
        return options.workers or len(os.sched_getaffinity(0))
    if options.workers not in (None, 1):
        raise CannotGoOn("--workers: SQLite allows only one; set SLUICE_DATABASE_URL to PostgreSQL for more.")
    return 1


def free_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0; raise CannotGoOn where nobody can listen there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except socket.gaierror:
        raise CannotGoOn(f"--host: {host} is not an address of this machine.") from None
    except OSError as error:
        raise CannotGoOn(
            f"cannot listen on {host} port {port}: {error.strerror}. Try another --port."
        ) from None


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def local_host(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def local_url(host: str, port: int) -> str:
    return f"http://{bracketed(local_host(host))}:{port}"


def hold_data_directory(directory: Path) -> int:
    """Make and lock the data directory; the lock lives as long as this process. Returns its handle."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        if not os.access(directory, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise CannotGoOn(f"the data directory {directory} cannot be used: {error.strerror}.") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 20).decode(errors="replace").strip() or "unknown"
        raise CannotGoOn(f"the data directory {directory} is in use by process {holder}.") from None
    os.truncate(handle, 0)
    os.write(handle, f"{os.getpid()}\n".encode())
    return handle
