"""What a key's form says beside its name and scopes: account, limits, the endpoints it may call, labels."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import gettext as _

from app.dashboard import forms, limit_fields
from app.dashboard.auth import actor
from app.models import Key, Project
from app.services import endpoints, sub_accounts


def fields() -> dict[str, Any]:
    """Return the rules as the service takes them; no ticked endpoint means all of them."""
    booked_on = forms.many("account_id")  # without sub-accounts the form does not ask
    return {
        **({"account_id": booked_on[0]} if booked_on else {}),
        "limits": limit_fields.typed(),
        "endpoints": forms.many("endpoints") or None,
        "labels": read_labels(forms.text("labels")),
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
    return {**limit_fields.values(key.limits), **rules}


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
