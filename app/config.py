"""Every setting once: its name, type, default and meaning; strict parsing, files for secrets.

`load` turns the environment into `Settings` or raises `ConfigError`, whose text names the setting and
never shows a value.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.setting_values import (
    Network,
    parse_base_url,
    parse_code_runner,
    parse_database_url,
    parse_key_prefix,
    parse_mail_from,
    parse_networks,
    parse_path,
    parse_private_upstreams,
    parse_redis_url,
    parse_secret,
    parse_server,
    parse_smtp_url,
    parse_switch,
    parse_timezone,
)

PREFIX = "SLUICE_"
FOR_TESTS = frozenset(
    {"SLUICE_TEST_DATABASE", "SLUICE_TEST_CHROMIUM", "SLUICE_TEST_SERVER", "SLUICE_TEST_SIMULATOR"}
)
DEFAULT_DATA_DIR = Path(__file__).resolve().parent.parent / "data"
SECRET_FILE_NAME = "secret.key"
SOCKET_NAME = "valkey.sock"
SOCKET_PATH_LIMIT = 107  # bytes that a Unix socket's path may have on Linux
SHORT_SOCKET_DIR = Path("/tmp")  # not TMPDIR: every process must find the same socket


class ConfigError(Exception):
    """A setting is missing, unknown or malformed; the text names it and is one line."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the whole product runs on; made once, at the start."""

    data_dir: Path
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    embedded_redis: bool
    secret_key: str = field(repr=False)
    base_url: str
    smtp_url: str = field(repr=False)
    mail_from: str
    private_upstreams: frozenset[tuple[str, int]]
    trusted_proxies: tuple[Network, ...]
    timezone: str
    log_content: bool
    key_prefix: str
    code_runner: str
    server: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table below. `parse` raises ValueError with what it expects."""

    name: str
    kind: str
    default: str
    meaning: str
    parse: Callable[[str], Any]

    @property
    def field_name(self) -> str:
        return self.name.removeprefix(PREFIX).lower()


SETTINGS = (
    Setting(
        "SLUICE_DATA_DIR",
        "directory",
        "./data",
        "Where the embedded database, Valkey's data and the secret key are kept.",
        parse_path,
    ),
    Setting(
        "SLUICE_DATABASE_URL",
        "URL",
        "SQLite in the data directory",
        "The database: postgresql://user:pass@host:port/name.",
        parse_database_url,
    ),
    Setting(
        "SLUICE_REDIS_URL",
        "URL",
        "embedded Valkey",
        "The Redis or Valkey server: redis://, rediss:// or unix://.",
        parse_redis_url,
    ),
    Setting(
        "SLUICE_SECRET_KEY",
        "text",
        "made and kept in the data directory for the embedded run; required otherwise",
        "Encrypts provider secrets and signs sessions. At least 16 characters. If lost, those are lost.",
        parse_secret,
    ),
    Setting(
        "SLUICE_BASE_URL",
        "URL",
        "http://127.0.0.1:8000",
        "The address at which people reach the dashboard; links in mails start with it.",
        parse_base_url,
    ),
    Setting(
        "SLUICE_SMTP_URL",
        "URL",
        "",
        "The mail server: smtp://user:pass@host:port. Without it mails stay in the outbox of the dashboard.",
        parse_smtp_url,
    ),
    Setting(
        "SLUICE_MAIL_FROM",
        "mail address",
        "Sluice <sluice@localhost>",
        "The sender of mails.",
        parse_mail_from,
    ),
    Setting(
        "SLUICE_PRIVATE_UPSTREAMS",
        "list of host:port",
        "",
        "Upstreams that may have a private address, comma-separated. Unset: none may.",
        parse_private_upstreams,
    ),
    Setting(
        "SLUICE_TRUSTED_PROXIES",
        "list of networks",
        "",
        "Proxies whose X-Forwarded-* headers count, comma-separated. Unset: none do.",
        parse_networks,
    ),
    Setting(
        "SLUICE_TIMEZONE",
        "time zone",
        "UTC",
        "The time zone of new workspaces: their days and months start there.",
        parse_timezone,
    ),
    Setting(
        "SLUICE_LOG_CONTENT",
        "on or off",
        "off",
        "Whether projects may ask to keep prompts and answers.",
        parse_switch,
    ),
    Setting(
        "SLUICE_KEY_PREFIX",
        "text",
        "sk-sluice-",
        "What every key made here starts with.",
        parse_key_prefix,
    ),
    Setting(
        "SLUICE_CODE_RUNNER",
        "off or bubblewrap",
        "off",
        "How the code-exec plugin runs programs. bubblewrap: in a sandbox, which needs bwrap on the PATH.",
        parse_code_runner,
    ),
    Setting(
        "SLUICE_SERVER",
        "sluice or gunicorn",
        "sluice",
        "Which HTTP server each web process runs. sluice: our own; gunicorn: its stock gevent worker.",
        parse_server,
    ),
)
COMPUTED_DEFAULTS = frozenset({"data_dir", "database_url", "redis_url", "secret_key"})


def load(environ: Mapping[str, str]) -> Settings:
    """Read all settings. For the embedded run this makes the data directory and its secret key."""
    refuse_unknown(environ)
    values = {setting.field_name: read(setting, environ) for setting in SETTINGS}
    values["data_dir"] = data_dir = values["data_dir"] or DEFAULT_DATA_DIR
    embedded = values["database_url"] is None and values["redis_url"] is None
    values["embedded_redis"] = values["redis_url"] is None
    values["database_url"] = values["database_url"] or f"sqlite:///{data_dir / 'sluice.db'}"
    values["redis_url"] = values["redis_url"] or f"unix://{quote(str(socket_path(data_dir)))}"
    values["secret_key"] = values["secret_key"] or default_secret(data_dir, embedded)
    return Settings(**values)


def refuse_unknown(environ: Mapping[str, str]) -> None:
    names = [setting.name for setting in SETTINGS]
    known = {*names, *(f"{name}_FILE" for name in names), *FOR_TESTS}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            close = get_close_matches(name, names, n=1, cutoff=0.8)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise ConfigError(f"{name} is not a setting of Sluice.{hint}")


def read(setting: Setting, environ: Mapping[str, str]) -> Any:
    """Return the parsed value, the parsed default, or None where the default is computed."""
    text = read_text(setting.name, environ)
    if text is None and setting.field_name in COMPUTED_DEFAULTS:
        return None
    try:
        return setting.parse(setting.default if text is None else text)
    except ValueError as error:
        raise ConfigError(f"{setting.name} is malformed: {error}.") from None


def read_text(name: str, environ: Mapping[str, str]) -> str | None:
    file_name = f"{name}_FILE"
    if file_name not in environ:
        return environ[name].strip() if name in environ else None
    if name in environ:
        raise ConfigError(f"{name} and {file_name} are both set; keep one of them.")
    try:
        return Path(environ[file_name]).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise ConfigError(f"{file_name} names a file that cannot be read.") from None


def socket_path(data_dir: Path) -> Path:
    """Return where embedded Valkey listens: in the data directory, or shorter where that is too long."""
    path = data_dir / SOCKET_NAME
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return SHORT_SOCKET_DIR / f"sluice-{digest}" / SOCKET_NAME


def default_secret(data_dir: Path, embedded: bool) -> str:
    if not embedded:
        raise ConfigError("SLUICE_SECRET_KEY is missing: a run on your own database or Redis needs it.")
    path = data_dir / SECRET_FILE_NAME
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            make_secret_file(path)
        return parse_secret(path.read_text(encoding="utf-8").strip())
    except OSError as error:
        raise ConfigError(f"SLUICE_DATA_DIR cannot be used: {data_dir}: {error.strerror}.") from None
    except ValueError:
        raise ConfigError(f"SLUICE_SECRET_KEY is malformed in {path}.") from None


def make_secret_file(path: Path) -> None:
    """Write a new key whole, readable by its owner only; where two processes race, the first one's stays."""
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        os.unlink(temporary)
