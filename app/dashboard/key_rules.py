"""What a key's form says beside its name and scopes: limits, the endpoints it may call, labels."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import gettext as _

from app.dashboard import forms, limit_fields
from app.dashboard.auth import actor
from app.domain.errors import InvalidFields
from app.models import Key, Project
from app.services import endpoints


def fields() -> dict[str, Any]:
    """Return the rules as the service takes them; no ticked endpoint means all of them."""
    return {
        "limits": limit_fields.typed(),
        "endpoints": forms.many("endpoints") or None,
        "labels": read_labels(forms.text("labels")),
    }


def read_labels(written: str) -> dict[str, str]:
    """Return labels that are written one per line, as name=value."""
    lines = [line.partition("=") for line in written.splitlines() if line.strip()]
    if any(not (name.strip() and sign and value.strip()) for name, sign, value in lines):
        raise InvalidFields({"labels": _("Write one per line, as name=value.")})
    return {name.strip(): value.strip() for name, _sign, value in lines}


def values_of(key: Key) -> dict[str, Any]:
    """Return a key's rules as the form shows them."""
    labels = "\n".join(f"{name}={value}" for name, value in key.labels.items())
    return {**limit_fields.values(key.limits), "endpoints": key.endpoints or [], "labels": labels}


def choices(project: Project) -> list[tuple[str, str, str]]:
    """Return the project's endpoints for the check boxes: slug, name, hint."""
    views = endpoints.list_all(actor(), g.workspace.id, project.id)
    return [
        (view.endpoint.slug, view.endpoint.name, "" if view.endpoint.active else _("switched off"))
        for view in views
    ]
