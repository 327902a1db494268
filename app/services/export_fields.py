"""How rows are written in an apply file: what is set of them, with `${` in their texts kept as it is."""

from __future__ import annotations

from typing import Any

from app.domain.apply_file import escape
from app.domain.key_rules import stored_rules
from app.models import Alias, Endpoint, Key, Policy, Project, Workspace
from app.services import aliases
from app.services.endpoints import EndpointView
from app.services.policies import PolicyView


def rules_of(key: Key) -> dict[str, Any]:
    """Return what is set of a key's limits, endpoints, labels and rules."""
    by = stored_rules(key.rules).as_fields()
    rules = {"limits": key.limits, "allowed_endpoints": key.endpoints, "labels": key.labels, "rules": by}
    return {name: value for name, value in rules.items() if value}


def guardrails_of(row: Workspace | Project | Key) -> dict[str, Any]:
    """Return the guardrails that are set on a workspace, a project or a key, if any."""
    return escaped({"guardrails": row.guardrails}) if row.guardrails else {}


def alias_fields(row: Alias) -> dict[str, Any]:
    """Return what is set of an alias."""
    fields = aliases.as_fields(row).items()
    return escaped({name: value for name, value in fields if value not in (None, "")})


def endpoint(view: EndpointView) -> dict[str, Any]:
    """Return an endpoint with every field of its published version."""
    about = {"slug": view.endpoint.slug, "name": view.endpoint.name, "active": view.endpoint.active}
    switches = {name: True for name in ("form_shared", "pinned") if getattr(view.endpoint, name)}
    return escaped({**about, **switches, **view.config.as_dict(), **plan_of(view.endpoint)})


def policy(view: PolicyView) -> dict[str, Any]:
    """Return a policy with the rules of its live version."""
    about = {"key": view.policy.key, "name": view.policy.name, "active": view.policy.active}
    return escaped({**about, **view.config.as_dict(), **plan_of(view.policy)})


def plan_of(row: Endpoint | Policy) -> dict[str, Any]:
    """Return how new versions go live, where they do not at once."""
    return {"rollout": row.rollout_plan} if row.rollout_plan else {}


def escaped(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with `${` in their texts written so that it stays."""
    return {name: escaped_value(value) for name, value in fields.items()}


def escaped_value(value: Any) -> Any:
    """Escape a text, or the texts of a list or of plain fields."""
    if isinstance(value, dict):
        return escaped(value)
    if isinstance(value, list):
        return [escaped_value(item) for item in value]
    return escape(value) if isinstance(value, str) else value
