"""What a key's form says beside its name and scopes: account, limits, rules, endpoints, labels."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import gettext as _

from app.dashboard import forms, limit_fields
from app.dashboard.auth import actor
from app.domain.key_rules import stored_rules
from app.domain.pricing import format_usd
from app.models import Key, Project
from app.services import endpoints, providers, sub_accounts


def fields() -> dict[str, Any]:
    """Return the rules as the service takes them; no ticked endpoint means all of them."""
    booked_on = forms.many("account_id")  # without sub-accounts the form does not ask
    return {
        **({"account_id": booked_on[0]} if booked_on else {}),
        "limits": limit_fields.typed(),
        "endpoints": forms.many("endpoints") or None,
        "labels": read_labels(forms.text("labels")),
        "rules": answered_by(),
    }


def answered_by() -> dict[str, Any]:
    """Return what the form says of the models that may answer."""
    return {
        "models": [line.strip() for line in forms.text("rules.models").splitlines() if line.strip()],
        "allowed_providers": forms.many("rules.allowed_providers"),
        "excluded_providers": forms.many("rules.excluded_providers"),
        "min_quality": forms.whole("rules.min_quality"),
        "max_cost_usd_per_request": forms.amount("rules.max_cost_usd_per_request") or None,
    }


def read_labels(written: str) -> dict[str, str] | str:
    """Return labels that are written one per line, as name=value; the text when they are not."""
    lines = [line.partition("=") for line in written.splitlines() if line.strip()]
    labels = {name.strip(): value.strip() for name, _sign, value in lines}
    return labels if all(sign for _name, sign, _value in lines) else written


def values_of(key: Key) -> dict[str, Any]:
    """Return a key's rules as the form shows them."""
    labels = "\n".join(f"{name}={value}" for name, value in key.labels.items())
    rules = {"account_id": key.account_id, "endpoints": key.endpoints or [], "labels": labels}
    by = {f"rules.{name}": value for name, value in stored_rules(key.rules).as_fields().items()}
    by["rules.models"] = "\n".join(by.get("rules.models", []))
    return {**limit_fields.values(key.limits), **rules, **by}


def typed() -> dict[str, Any]:
    """Return the fields of several values as they were ticked."""
    names = ("scopes", "endpoints", "rules.allowed_providers", "rules.excluded_providers")
    return {**forms.typed(), **{name: forms.many(name) for name in names}}


def told(key: Key) -> str:
    """Say in a few words what a key may be answered by; empty where nothing is set."""
    rules = stored_rules(key.rules)
    cap = rules.max_cost_nano_usd_per_request
    parts = [
        _("models: %(names)s", names=", ".join(rules.models)) if rules.models else "",
        _("only at %(names)s", names=", ".join(rules.allowed_providers)) if rules.allowed_providers else "",
        _("not at %(names)s", names=", ".join(rules.excluded_providers)) if rules.excluded_providers else "",
        _("quality from %(least)d", least=rules.min_quality) if rules.min_quality is not None else "",
        _("at most %(usd)s a call", usd=format_usd(cap)) if cap is not None else "",
    ]
    return "; ".join(part for part in parts if part)


def sellers() -> list[tuple[str, str, str]]:
    """Return the workspace's providers for check boxes: slug, name, hint."""
    listed = providers.list_all(actor(), g.workspace.id)
    return [(row.slug, row.name, "" if row.active else _("switched off")) for row in listed]


def choices(project: Project) -> list[tuple[str, str, str]]:
    """Return the project's endpoints for the check boxes: slug, name, hint."""
    views = endpoints.list_all(actor(), g.workspace.id, project.id)
    return [
        (view.endpoint.slug, view.endpoint.name, "" if view.endpoint.active else _("switched off"))
        for view in views
    ]


def accounts(booked_on: str = "") -> list[tuple[str, str]]:
    """Return what a key can be booked on: the workspace's own account, then sub-accounts by name.

    Those switched off are left out, but for `booked_on`. Empty without any sub-account.
    """
    listed = sub_accounts.list_all(actor(), g.workspace.id)
    offered = [(row.id, row.name) for row in listed if row.active or row.id == booked_on]
    return [("", _("%(name)s itself", name=g.workspace.name)), *offered] if offered else []


def account_names() -> dict[str, str]:
    """Return the names of the sub-accounts."""
    return {row.id: row.name for row in sub_accounts.list_all(actor(), g.workspace.id)}
