"""The section of who answers and how: model, fallbacks, sampling, streaming."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.dashboard import forms
from app.dashboard.auth import actor
from app.dashboard.sections.section import Section
from app.domain.endpoints import MOST_FAILOVERS, MOST_OUTPUT_TOKENS
from app.models import Project
from app.services import model_choices
from app.services.endpoints import EndpointView

FIELDS = ("model", "failover", "temperature", "top_p", "max_output_tokens", "streaming_enabled")


def read() -> dict[str, Any]:
    """Return the form as the service takes it."""
    return {
        "model": forms.text("model"),
        "failover": forms.many("failover"),
        "temperature": forms.decimal("temperature"),
        "top_p": forms.decimal("top_p"),
        "max_output_tokens": forms.whole("max_output_tokens"),
        "streaming_enabled": forms.switch("streaming_enabled"),
    }


def typed() -> dict[str, Any]:
    """Return what was typed, to show it again."""
    return {**forms.typed(), "failover": [model for model in forms.many("failover") if model.strip()]}


def values(view: EndpointView) -> dict[str, Any]:
    """Return what the form shows."""
    found = {name: getattr(view.working_config, name) for name in FIELDS}
    return {**found, "failover": list(view.working_config.failover)}


def more(view: EndpointView, project: Project) -> dict[str, Any]:
    """Return the models to choose from."""
    return choices(project)


def choices(project: Project) -> dict[str, Any]:
    """Return the models that a form offers, and what it says of them."""
    shelves = model_choices.list_shelves(actor(), g.workspace.id, project.id)
    return {
        "shelves": shelves,
        "known": model_choices.by_id(shelves),
        "most_fallbacks": MOST_FAILOVERS,
        "most_output_tokens": MOST_OUTPUT_TOKENS,
    }


def summary(view: EndpointView) -> str:
    """Return the section in a line."""
    config = view.working_config
    parts = [config.model]
    if config.failover:
        count = len(config.failover)
        parts.append(ngettext("%(num)d fallback", "%(num)d fallbacks", count))
    parts.append(_("streams where asked") if config.streams else _("answers come whole"))
    return " · ".join(str(part) for part in parts)


section = Section(
    name="model",
    label=_l("Model and fallbacks"),
    hint=_l("Who answers, who steps in when that fails, and how freely they write."),
    icon="swap",
    fields=frozenset(FIELDS),
    read=read,
    typed=typed,
    values=values,
    summary=summary,
    more=more,
    keeps_typed=True,
)
