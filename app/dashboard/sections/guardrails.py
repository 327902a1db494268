"""The section of what may be said to an endpoint's model and by it."""

from __future__ import annotations

from typing import Any

from flask import g, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.dashboard import guardrail_form, guardrail_words
from app.dashboard.auth import actor
from app.dashboard.sections.section import Section
from app.domain.guardrails.levels import Level
from app.domain.guardrails.settings import Settings
from app.models import Project
from app.services import endpoints, guardrail_trials
from app.services.endpoints import EndpointView


def read() -> dict[str, Any]:
    """Return the form as the service takes it."""
    view = endpoints.find(actor(), g.workspace.id, str((request.view_args or {})["endpoint_id"]))
    return {"guardrails": guardrail_form.read(view.working_config.guardrails, above(view))}


def values(view: EndpointView) -> dict[str, Any]:
    """Return what the form shows."""
    return cards(view, view.working_config.guardrails)


def typed() -> dict[str, Any]:
    """Return what was typed, to show it again."""
    view = endpoints.find(actor(), g.workspace.id, str((request.view_args or {})["endpoint_id"]))
    return {**cards(view, read()["guardrails"]), "note": request.form.get("note", "")}


def cards(view: EndpointView, own: Settings) -> dict[str, Any]:
    """Return the rules as the form shows them."""
    return {"cards": guardrail_form.cards(own, above(view), can_lock=True)}


def above(view: EndpointView) -> list[Level]:
    """Return what stands above the endpoint."""
    return guardrail_trials.above(actor(), g.workspace.id, view.endpoint.project_id)


def summary(view: EndpointView) -> str:
    """Return the section in a line."""
    own = guardrail_words.summary(view.working_config.guardrails)
    if own:
        return own
    has_more = any(settings for _whose, settings in above(view))
    return str(_("Those of project and workspace") if has_more else _("None"))


def more(view: EndpointView, project: Project) -> dict[str, Any]:
    """Return what the form needs beside its values."""
    return {**guardrail_form.context(), "tried": None, "try_text": "", "try_side": "input"}


section = Section(
    name="guardrails",
    label=_l("Guardrails"),
    hint=_l("What may be said to the model and by it, beside the rules of project and workspace."),
    icon="shield",
    fields=frozenset({"guardrails"}),
    read=read,
    values=values,
    summary=summary,
    typed=typed,
    more=more,
)
