"""The form of an apply file: which fields stand where, and how a thing is told from its neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain import endpoints


@dataclass(frozen=True, slots=True)
class Shape:
    """An object of the file: its fields, its lists of further objects, the fields that identify it.

    The first of `identity` is required, unless `any_of` says that one of them is enough.
    """

    fields: frozenset[str]
    identity: tuple[str, ...] = ()
    any_of: bool = False
    lists: Mapping[str, Shape] = field(default_factory=dict)


MEMBER = Shape(frozenset({"email", "role"}), ("email",))
CREDENTIAL = Shape(frozenset({"name", "secret", "active"}), ("name",))
PROVIDER = Shape(
    frozenset({"slug", "name", "dialect", "base_url", "vendor", "zdr", "may_train", "active"}),
    ("slug",),
    lists={"credentials": CREDENTIAL},
)
MODEL = Shape(
    frozenset(
        {
            "id", "input_usd_per_million", "output_usd_per_million", "cache_read_usd_per_million",
            "cache_write_usd_per_million", "free", "context_tokens", "max_output_tokens",
        }
    ),
    ("id",),
)  # fmt: skip
PROJECT_CREDENTIAL = Shape(frozenset({"provider", "name", "secret", "active"}), ("provider", "name"))
ENDPOINT = Shape(endpoints.FIELDS | {"slug", "name", "active", "note"}, ("slug",))
KEY = Shape(frozenset({"name", "secret", "scopes", "expires_at", "revoked"}), ("name",))
PROJECT = Shape(
    frozenset({"name", "uuid", "mode", "surfaces", "active", "log_content", "content_retention_days"}),
    ("name", "uuid"),
    any_of=True,
    lists={"credentials": PROJECT_CREDENTIAL, "endpoints": ENDPOINT, "keys": KEY},
)
WORKSPACE = Shape(
    frozenset({"name", "timezone"}),
    ("name",),
    lists={"members": MEMBER, "providers": PROVIDER, "models": MODEL, "projects": PROJECT},
)
FILE = Shape(frozenset(), lists={"workspaces": WORKSPACE})

NOT_YET = frozenset(
    {
        "account", "alert_usd_per_day", "alerts", "aliases", "allowed_endpoints", "allowed_models",
        "budgets", "cache", "end_users", "evals", "guardrails", "input_schema", "jobs", "limits",
        "output_schema", "plan", "plans", "plugins", "policies", "prompts", "quality", "rollouts",
        "routing", "schemas", "session", "sessions", "stop_usd_per_day", "sub_accounts", "variables",
        "webhooks", "weight",
    }
)  # fmt: skip
