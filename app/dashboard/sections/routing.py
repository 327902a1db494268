"""The section of an endpoint's routing rules: which model answers which kind of request."""

from __future__ import annotations

from typing import Any

from flask import g, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.dashboard import forms, route_rules
from app.dashboard.sections import model
from app.dashboard.sections.section import Section
from app.models import Project
from app.services.endpoints import EndpointView


def read() -> dict[str, Any]:
    """Return the form as the service takes it."""
    if "rules_yaml" in request.form:
        return {"routing": route_rules.read_yaml(forms.text("rules_yaml"))}
    return {"routing": [row.as_json() for row in route_rules.typed_rows()]}


def typed() -> dict[str, Any]:
    """Return what was typed, to show it again."""
    return {
        "as_yaml": "rules_yaml" in request.form,
        "rules_yaml": forms.text("rules_yaml"),
        "rows": route_rules.padded(route_rules.typed_rows()),
        "note": forms.text("note"),
    }


def values(view: EndpointView) -> dict[str, Any]:
    """Return what the form shows."""
    routing = view.working_config.as_dict().get("routing", [])
    return {
        "as_yaml": request.args.get("as") == "yaml",
        "rules_yaml": route_rules.yaml_of(routing),
        "rows": route_rules.padded(route_rules.rows_of(routing)),
    }


def more(view: EndpointView, project: Project) -> dict[str, Any]:
    """Return what the form chooses from."""
    return {
        **model.choices(project),
        "facts": route_rules.facts(),
        "operators": route_rules.operators(),
        "timezone": g.workspace.timezone,
    }


def summary(view: EndpointView) -> str:
    """Return the section in a line."""
    rules = view.working_config.routing
    if not rules:
        return str(_("Every request goes to the same model"))
    count = ngettext("%(num)d rule", "%(num)d rules", len(rules))
    return f"{count}: {', '.join(rule.label for rule in rules)}"


section = Section(
    name="routing",
    label=_l("Routing rules"),
    hint=_l("Another model for some requests: long ones, those at night, or once the budget runs low."),
    icon="filter",
    fields=frozenset({"routing"}),
    read=read,
    typed=typed,
    values=values,
    summary=summary,
    more=more,
)
