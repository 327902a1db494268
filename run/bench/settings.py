"""What the product under test is set to: two workspaces, one that pays nothing and one that prepays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FREE = "6f1c2b9e-0000-4000-8000-000000000001"
PAID = "6f1c2b9e-0000-4000-8000-000000000002"
KEYS = {FREE: "sk-bench-key-0000000001", PAID: "sk-bench-key-0000000002"}
MODEL = "mock/mock-model"
GUARDS = {
    "secrets": {"action": "block", "on": "both"},
    "pii": {"action": "mask", "on": "both"},
    "injection": {"action": "block"},
    "keywords": {"action": "block", "words": ["voldemort", "sauron", "moriarty"], "on": "both"},
    "patterns": {"action": "block", "patterns": [{"name": "order", "pattern": "ORD-[0-9]{8}"}]},
}
RULES = [
    {"label": "Blocked", "when": {"plan": "banned"}, "action": "BLOCK"},
    {
        "label": "Free in the EU",
        "when": {"plan": "free", "region": ["eu", "ch"]},
        "action": "DOWNGRADE",
        "models": ["mock/small-model"],
    },
    {"label": "Long", "when": {"input_tokens": {"gt": 20000}}, "action": "FALLBACK", "models": [MODEL]},
    {
        "label": "Free",
        "when": {"plan": "free"},
        "action": "DOWNGRADE",
        "models": [MODEL],
        "max_usd_per_request": "0.50",
    },
]
USER = ("x-kagu-user-id: u1", "x-kagu-policy-key: support", "x-kagu-plan-id: free", "x-kagu-region: us")


@dataclass(frozen=True, slots=True)
class Call:
    """One way of calling a gateway: its path, the model that the body names, and headers."""

    path: str
    model: str
    headers: tuple[str, ...] = ()


def authorized(project: str) -> str:
    return f"Authorization: Bearer {KEYS[project]}"


def endpoint(project: str, slug: str) -> Call:
    return Call(f"/api/{project}/v1/chat/completions", slug, (authorized(project),))


CALLS = {
    "endpoint": endpoint(FREE, "mock-model"),
    "guarded": endpoint(FREE, "guarded"),
    "session": endpoint(FREE, "session"),
    "v1": Call("/v1/chat/completions", MODEL, (authorized(FREE),)),
    "policy": Call("/runtime/proxy/chat/completions", MODEL, (authorized(FREE), *USER)),
    "money": endpoint(PAID, "mock-model"),
}


def file(upstream: str) -> dict[str, Any]:
    """Return the settings for `bin/sluice apply`; every model answers from the provider at `upstream`."""
    prepaid = {"billing": "prepaid", "top_up_usd": "1000000", "top_up_ref": "bench"}
    free = workspace("Bench", FREE, upstream)
    return {"workspaces": [free, {**workspace("Bench paid", PAID, upstream), "account": prepaid}]}


def workspace(name: str, project: str, upstream: str) -> dict[str, Any]:
    secret = {"name": "mock", "secret": "sk-upstream-mock-00000"}
    provider = {"slug": "mock", "name": "Mock", "dialect": "openai", "base_url": upstream}
    price = {"input_usd_per_million": "0.15", "output_usd_per_million": "0.60"}
    return {
        "name": name,
        "providers": [provider | {"credentials": [secret]}],
        "models": [{"id": MODEL} | price],
        "projects": [
            {
                "name": name,
                "uuid": project,
                "surfaces": ["endpoints", "proxy"],
                "endpoints": endpoints(),
                "policies": [{"key": "support", "rules": RULES}],
                "keys": [{"name": "bench", "secret": KEYS[project]}],
            }
        ],
    }


def endpoints() -> list[dict[str, Any]]:
    kinds: dict[str, dict[str, Any]] = {
        "mock-model": {},
        "guarded": {"guardrails": GUARDS},
        "session": {"session": {"ttl_seconds": 3600}},
    }
    return [{"slug": slug, "model": MODEL, "streaming_enabled": True} | more for slug, more in kinds.items()]
