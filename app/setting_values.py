"""What a setting's text may look like. Each parser raises ValueError with what it expects."""

from __future__ import annotations

import re
import shutil
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

WEAK_SECRETS = ("changeme", "change-me", "change_me")

SWITCH = {
    "on": True,
    "true": True,
    "yes": True,
    "1": True,
    "off": False,
    "false": False,
    "no": False,
    "0": False,
}

Network = IPv4Network | IPv6Network


def parse_path(text: str) -> Path:
    if not text:
        raise ValueError("expected a path")
    return Path(text).expanduser().absolute()


def split_url(text: str, schemes: tuple[str, ...]) -> SplitResult:
    """Split an absolute URL of one of `schemes`; its port must be a number."""
    parts = urlsplit(text)
    if parts.scheme not in schemes:
        raise ValueError("expected a URL that starts with " + " or ".join(f"{one}://" for one in schemes))
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("expected a port between 0 and 65535") from None
    return parts


def parse_database_url(text: str) -> str:
    parts = split_url(text, ("postgresql", "postgres", "postgresql+psycopg", "sqlite"))
    if parts.scheme != "sqlite":
        return "postgresql+psycopg" + text[len(parts.scheme) :]
    if parts.netloc or not parts.path.startswith("//"):
        raise ValueError("expected an absolute file: sqlite:////directory/file")
    return text


def parse_redis_url(text: str) -> str:
    parts = split_url(text, ("redis", "rediss", "unix"))
    if not (parts.path if parts.scheme == "unix" else parts.hostname):
        raise ValueError("expected redis://host:port/number or unix:///path")
    return text


def parse_secret(text: str) -> str:
    if len(text) < 16 or len(set(text)) < 6 or text.lower().startswith(WEAK_SECRETS):
        raise ValueError("expected at least 16 characters that are hard to guess")
    return text


def parse_base_url(text: str) -> str:
    parts = split_url(text, ("http", "https"))
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("expected http(s)://host[:port][/path]")
    return text.rstrip("/")


def parse_smtp_url(text: str) -> str:
    if text and not split_url(text, ("smtp", "smtps")).hostname:
        raise ValueError("expected smtp://user:pass@host:port")
    return text


def parse_mail_from(text: str) -> str:
    address = parseaddr(text)[1]
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", address) or not text.isprintable():
        raise ValueError("expected an address, like Sluice <sluice@example.com>")
    return text


def split_list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def parse_host_port(text: str) -> tuple[str, int]:
    """Read `host:port` (IPv6 in brackets); the host comes back lower-cased."""
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})", text)
    if not match or not 0 < int(match[2]) < 65536:
        raise ValueError("expected a comma-separated list of host:port")
    return match[1].strip("[]").lower(), int(match[2])


def parse_private_upstreams(text: str) -> frozenset[tuple[str, int]]:
    return frozenset(parse_host_port(part) for part in split_list(text))


def parse_networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part) for part in split_list(text))
    except ValueError:
        raise ValueError("expected a comma-separated list of addresses or networks") from None


def parse_timezone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ValueError, OSError, LookupError):
        raise ValueError("expected a name like UTC or Europe/Berlin") from None


def parse_switch(text: str) -> bool:
    if text.lower() not in SWITCH:
        raise ValueError("expected on or off")
    return SWITCH[text.lower()]


def parse_server(text: str) -> str:
    if text not in ("sluice", "gunicorn"):
        raise ValueError("expected sluice or gunicorn")
    return text


def parse_code_runner(text: str) -> str:
    """Read the runner; its program must be there, for a sandbox that is missing must not go unnoticed."""
    if text not in ("off", "bubblewrap"):
        raise ValueError("expected off or bubblewrap")
    if text == "bubblewrap" and shutil.which("bwrap") is None:
        raise ValueError("there is no bwrap on the PATH: install bubblewrap, or set it to off")
    return text


def parse_key_prefix(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", text):
        raise ValueError("expected 1 to 32 letters, digits, - or _")
    return text
