"""Who calls: the identity a key or a signed-in person carries through the pipeline, and how keys look."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from app.domain.budgets import BudgetFacts
from app.domain.calls import Headers
from app.domain.errors import NotAllowed, NotAuthenticated
from app.domain.key_rules import NO_RULES, KeyRules
from app.domain.limits import Limits
from app.domain.targets import CredentialValue

SCOPES = ("chat", "models", "tokens:write", "endpoints:write", "admin", "analytics:read", "alerts:write")
DEFAULT_SCOPES = ("chat", "models")
SHORTEST_KEY, LONGEST_KEY = 16, 200


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What a plan means for one call. `budget_id`: its included tokens are that budget (decisions)."""

    slug: str
    name: str
    limits: Limits
    included_tokens: int | None
    overage_nano_usd_per_million: int | None
    hard_cap: bool
    plugins: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Caller:
    """The key (or person) behind a call and what it belongs to.

    `account_id` may be a sub-account's; `payer_id` is the root account, which holds balance and plan.
    """

    workspace_id: str
    workspace_slug: str
    account_id: str
    project_id: str
    project_name: str
    surfaces: tuple[str, ...]
    key_id: str | None
    label: str
    scopes: tuple[str, ...]
    expires_at: datetime | None
    rate_multiplier_ppm: int
    payer_id: str
    prepaid: bool
    watched: bool  # the payer wants to be told of its spend or balance
    timezone: str
    plan: PlanFacts | None
    limits: Limits  # the key's own
    budgets: tuple[BudgetFacts, ...]  # of account, its root, project, key and plan
    endpoints: tuple[str, ...] | None  # the slugs the key may call; None: all (P20)
    config_stamp: str | None  # the workspace's configuration stamp when this was read
    read_at: float  # time.monotonic()
    rules: KeyRules = NO_RULES  # the key's own (R17)
    own_credentials: tuple[tuple[str, CredentialValue], ...] = ()  # the key's, by the provider's slug (R18)
    guardrails: tuple[str, ...] = ()  # of workspace and project, each as JSON (P24)
    key_guardrails: tuple[str, ...] = ()  # of the keys that led to this one, and last its own
    makers: tuple[tuple[str, Limits], ...] = ()  # the keys that led to this one, nearest first
    asks_elsewhere: str | None = None  # light mode: it calls providers itself, this one or any ("")


def mint_key(prefix: str) -> str:
    """Return a new key: the prefix and 256 random bits."""
    return prefix + secrets.token_urlsafe(32)


def hash_key(key: str) -> bytes:
    """Return the SHA-256 under which a key is stored; right for long random keys."""
    return hashlib.sha256(key.encode()).digest()


def preview_key(key: str, prefix: str) -> str:
    """Return what may be shown of a key: its prefix and its last four characters."""
    return f"{prefix if key.startswith(prefix) else ''}…{key[-4:]}"


def is_accepted_key(key: str) -> bool:
    """Say whether `key` has the form any key may have: 16-200 visible ASCII characters."""
    is_visible = key.isascii() and key.isprintable() and " " not in key
    return is_visible and SHORTEST_KEY <= len(key) <= LONGEST_KEY


def read_key(headers: Headers, dialect: str) -> str:
    """Return the one key a request shows; NotAuthenticated when missing, malformed or doubled (P18)."""
    key, other = bearer(headers), api_key(headers, dialect)
    if key is None:
        key = other
    if key is None:
        raise NotAuthenticated("Missing Bearer token.")
    if other is not None and other != key:
        raise NotAuthenticated("Send one key, not two.")
    if not is_accepted_key(key):
        raise NotAuthenticated("Invalid token format.")
    return key


def bearer(headers: Headers) -> str | None:
    """Return what follows `Bearer` in the Authorization header, or None."""
    sent = headers.get("Authorization", "")
    if sent.startswith("Bearer "):  # as nearly everybody writes it
        return sent[7:].strip() or None
    scheme, _, value = sent.strip().partition(" ")
    return value.strip() if scheme.lower() == "bearer" and value.strip() else None


def api_key(headers: Headers, dialect: str) -> str | None:
    """Return the x-api-key header on the routes whose SDK sends it (C15)."""
    return headers.get("X-Api-Key") if dialect == "anthropic" else None


def may_call(caller: Caller, slug: str) -> bool:
    """Say whether the caller's key may call the endpoint (P20)."""
    return caller.endpoints is None or slug in caller.endpoints


def check_scope(caller: Caller, scope: str) -> None:
    """Raise NotAllowed unless the caller's key has the scope (P18)."""
    if scope not in caller.scopes:
        has = ", ".join(caller.scopes) or "none"
        raise NotAllowed(f"Missing required scope: '{scope}'. Token has: {has}.")
