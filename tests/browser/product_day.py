"""A draft of an endpoint with something in every section: the forms at their fullest."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.database import database
from app.models import Endpoint
from app.services import endpoints
from tests.world import World, actor_of

RULES: list[dict[str, Any]] = [
    {"label": "long ones", "model": "demo/demo-careful", "when": {"input_tokens": {"gt": 2000}}},
    {"label": "whole ones", "model": "demo/demo-fast", "when": {"streaming": False}},
]
VARIABLES: list[dict[str, Any]] = [
    {"name": "tone", "type": "enum", "options": ["kind", "short"], "label": "Tone", "required": True},
    {"name": "due", "type": "date", "help": "When it must be done."},
    {"name": "pages", "type": "int", "min": 1, "max": 20, "default": 2},
    {"name": "urgent", "type": "bool", "default": False},
]
GUARDRAILS: dict[str, dict[str, Any]] = {
    "addresses": {"allow": ["127.0.0.0/8"]},
    "hours": {"from": "08:00", "to": "18:00", "days": ["mon", "fri"]},
    "length": {"most_characters": 20_000, "action": "block"},
    "keywords": {"words": ["lawsuit", "refund"], "action": "block", "on": "both"},
    "secrets": {"action": "block", "locked": True},
    "pii": {"action": "redact", "names": ["Ann"]},
    "patterns": {"patterns": [{"name": "order number", "pattern": "A-[0-9]{6}"}], "action": "mask"},
    "injection": {"action": "shadow"},
    "language": {"allowed": ["en", "de"], "action": "flag"},
    "json_only": {"action": "block", "on": "output"},
    "judge": {"rule": "gives medical advice", "model": "demo/demo-fast", "action": "shadow"},
}
ANSWER = {
    "type": "object",
    "required": ["team"],
    "properties": {
        "team": {"type": "string", "description": "Who answers it"},
        "urgent": {"type": "boolean"},
        "reasons": {"type": "array", "items": {"type": "string"}},
    },
}


def fill_draft(world: World, slug: str) -> None:
    """Save the draft of the endpoint."""
    workspace_id = world.acme.workspace.id
    here = Endpoint.workspace_id == workspace_id, Endpoint.slug == slug
    endpoint_id = database.read(lambda session: session.scalars(select(Endpoint.id).where(*here)).one())
    fields = {
        "prompt": "You are the first voice of our help desk. Be {{tone}}.",
        "failover": ["demo/demo-fast", "demo/demo-careful", "openai/gpt-4o-mini"],
        "streaming_enabled": False,
        "variables": VARIABLES,
        "routing": RULES,
        "guardrails": GUARDRAILS,
        "output_schema": ANSWER,
        "session": {"ttl_seconds": 3600, "max_tokens": 50_000},
        "limits": {"requests_per_minute": 60, "concurrency": 5},
        "cache_seconds": 3600,
    }
    owner = actor_of(world.owner)
    endpoints.save(owner, workspace_id, endpoint_id, fields, "For the holidays", publish=False)
