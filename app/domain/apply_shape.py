"""The form of an apply file: which fields stand where, and how a thing is told from its neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain import (
    accounts,
    alert_rules,
    aliases,
    budgets,
    chat_sessions,
    endpoints,
    examples,
    gateway_settings,
    key_rules,
    limits,
    plans,
    rollout_plans,
    webhooks,
)
from app.domain.guardrails.settings import KINDS


@dataclass(frozen=True, slots=True)
class Shape:
    """An object of the file: its fields, its objects and lists of objects, the fields that identify it.

    The first of `identity` is required, unless `any_of` says that one of them is enough. `any_field`: the
    names are the customer's own. `may_be_null`: null in its place switches it off. `free`: what is in these
    fields is for their own modules to check.
    """

    fields: frozenset[str]
    identity: tuple[str, ...] = ()
    any_of: bool = False
    objects: Mapping[str, Shape] = field(default_factory=dict)
    lists: Mapping[str, Shape] = field(default_factory=dict)
    any_field: bool = False
    free: frozenset[str] = frozenset()
    may_be_null: bool = False


LIMITS = Shape(limits.FIELDS)
LABELS = Shape(frozenset(), any_field=True)
SESSION = Shape(chat_sessions.FIELDS, may_be_null=True)
PATTERN = Shape(frozenset({"name", "pattern", "action"}), ("name",))
GUARDRAILS = Shape(
    frozenset(),
    objects={kind: Shape(fields - {"patterns"}) for kind, fields in KINDS.items() if kind != "patterns"}
    | {"patterns": Shape(KINDS["patterns"] - {"patterns"}, lists={"patterns": PATTERN})},
)
RULES = Shape(key_rules.FIELDS)
PROVIDER_KEYS = Shape(frozenset(), any_field=True)
BUDGET = Shape(budgets.FIELDS | {"period"}, ("period",))
PLAN = Shape(plans.FIELDS, ("slug",))
ACCOUNT = Shape((accounts.FIELDS - {"plan"}) | {"top_up_usd", "top_up_ref"})
SUB_ACCOUNT = Shape(accounts.SUB_FIELDS, ("name",), lists={"budgets": BUDGET})
MEMBER = Shape(frozenset({"email", "role"}), ("email",))
CREDENTIAL = Shape(frozenset({"name", "secret", "active"}), ("name",))
PROVIDER = Shape(
    frozenset(
        {
            "slug", "name", "dialect", "base_url", "vendor", "zdr", "may_train", "active",
            "alert_usd_per_day", "stop_usd_per_day",
        }
    ),
    ("slug",),
    lists={"credentials": CREDENTIAL},
)  # fmt: skip
MODEL = Shape(
    frozenset(
        {
            "id", "input_usd_per_million", "output_usd_per_million", "cache_read_usd_per_million",
            "cache_write_usd_per_million", "free", "multiplier", "context_tokens", "max_output_tokens",
            "quality", "features", "quantization",
        }
    ),
    ("id",),
)  # fmt: skip
PROJECT_CREDENTIAL = Shape(frozenset({"provider", "name", "secret", "active"}), ("provider", "name"))
PLUGIN = Shape(frozenset({"plugin", "active", "url", "secret"}), ("plugin",), objects={"options": LABELS})
ALIAS = Shape(aliases.FIELDS, ("name",))
ROLLOUT = Shape(rollout_plans.FIELDS, may_be_null=True)
EXAMPLE = Shape(examples.FIELDS, ("name",), free=frozenset({"body", "expected"}))
ENDPOINT = Shape(
    (endpoints.FIELDS - {"limits", "guardrails", "session"})
    | {"slug", "name", "active", "note", "form_shared", "pinned"},
    ("slug",),
    objects={"limits": LIMITS, "guardrails": GUARDRAILS, "session": SESSION, "rollout": ROLLOUT},
    lists={"budgets": BUDGET, "examples": EXAMPLE},
    free=frozenset({"input_schema", "output_schema", "routing", "variables"}),
)
POLICY = Shape(
    frozenset({"key", "name", "active", "rules", "note"}),
    ("key",),
    objects={"rollout": ROLLOUT},
    free=frozenset({"rules"}),
)
KEY = Shape(
    frozenset({"name", "secret", "account", "scopes", "allowed_endpoints", "expires_at", "revoked"}),
    ("name",),
    objects={
        "limits": LIMITS,
        "labels": LABELS,
        "rules": RULES,
        "provider_keys": PROVIDER_KEYS,
        "guardrails": GUARDRAILS,
    },
    lists={"budgets": BUDGET},
)
GATEWAY = Shape(gateway_settings.FIELDS)
PROJECT = Shape(
    frozenset(
        {
            "name",
            "uuid",
            "mode",
            "surfaces",
            "active",
            "log_content",
            "content_retention_days",
            "management_api",
        }
    ),
    ("name", "uuid"),
    any_of=True,
    objects={"gateway": GATEWAY, "guardrails": GUARDRAILS},
    lists={
        "aliases": ALIAS,
        "credentials": PROJECT_CREDENTIAL,
        "endpoints": ENDPOINT,
        "policies": POLICY,
        "keys": KEY,
        "budgets": BUDGET,
    },
)
RULE_WHERE = Shape(frozenset(alert_rules.WHERE))
ALERT_RULE = Shape(alert_rules.FIELDS - {"where"}, ("name",), objects={"where": RULE_WHERE})
ALERTS = Shape(frozenset({"emails", "muted"}), lists={"rules": ALERT_RULE})
WEBHOOK = Shape(webhooks.FIELDS | {"secret"}, ("name",))
WORKSPACE = Shape(
    frozenset({"name", "timezone", "plan"}),
    ("name",),
    objects={"account": ACCOUNT, "alerts": ALERTS, "guardrails": GUARDRAILS},
    lists={
        "sub_accounts": SUB_ACCOUNT,
        "members": MEMBER,
        "providers": PROVIDER,
        "models": MODEL,
        "plugins": PLUGIN,
        "aliases": ALIAS,
        "projects": PROJECT,
        "webhooks": WEBHOOK,
        "budgets": BUDGET,
    },
)
FILE = Shape(frozenset(), lists={"plans": PLAN, "workspaces": WORKSPACE})

NOT_YET = frozenset(
    {
        "allowed_models",
        "end_users", "evals", "jobs",
        "prompts",
        "weight",
    }
)  # fmt: skip
