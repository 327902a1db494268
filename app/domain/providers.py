"""What is true of every provider: the slugs that are not free, and where its secrets may go."""

from __future__ import annotations

from urllib.parse import urlsplit

from app.domain.addresses import parse_url

RESERVED_SLUGS = frozenset(
    {
        "auto", "balance", "batches", "cache", "capabilities", "chat", "compare", "embeddings", "eval",
        "evals", "files", "health", "jobs", "keys", "memories", "messages", "models", "receipts", "replays",
        "responses", "sub-accounts", "usage",
    }
)  # fmt: skip


def origin_of(base_url: str) -> str:
    """Return scheme, host and port: what a credential is bound to. Empty for the built-in demo."""
    if not base_url:
        return ""
    parts = urlsplit(base_url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


def state_of(dialect: str, active: bool, active_credentials: int, *, paused: bool = False) -> str:
    """Return `off`, `paused`, `needs_key` or `ready`; the demo needs no key."""
    if not active:
        return "off"
    if paused:
        return "paused"
    return "ready" if active_credentials or dialect == "demo" else "needs_key"


def explain_private(base_url: str) -> str:
    """Say how a refused address could be allowed; empty when it is malformed, which nothing allows."""
    try:
        target = parse_url(base_url)
    except ValueError:
        return ""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return (
        "If this is a server of your own, the person who runs Sluice can allow its address in the setting "
        f"SLUICE_PRIVATE_UPSTREAMS={host}:{target.port}"
    )
