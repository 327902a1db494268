"""The section of an endpoint's schemas: what callers must send, what the model must answer."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.dashboard import forms, schema_forms
from app.dashboard.sections.section import Section
from app.domain.schema_fields import DEEPEST, KINDS
from app.models import Project
from app.services.endpoints import EndpointView

SIDES = ("input", "output")


def read() -> dict[str, Any]:
    """Return the form as the service takes it."""
    found = {f"{side}_schema": schema_forms.read(side) for side in SIDES}
    if found["output_schema"] is not None and forms.switch("streaming_off"):
        return {**found, "streaming_enabled": False}
    return found


def values(view: EndpointView) -> dict[str, Any]:
    """Return what the form shows."""
    config = view.working_config
    shown = {side: schema_forms.values(side, getattr(config, f"{side}_schema")) for side in SIDES}
    return {**shown, "streaming_off": config.streaming_enabled}


def typed() -> dict[str, Any]:
    """Return what was typed, after what a pressed button does to it."""
    shown = {side: schema_forms.typed(side) for side in SIDES}
    return {**shown, "note": forms.text("note"), "streaming_off": forms.switch("streaming_off")}


def more(view: EndpointView, project: Project) -> dict[str, Any]:
    """Return the words of the form."""
    config = view.working_config
    return {
        "kinds": [(kind, kind_words(kind)) for kind in KINDS],
        "levels": [(level, level_words(level)) for level in range(DEEPEST + 1)],
        "streams": config.streaming_enabled,
        "has_variables": bool(config.variables),
    }


def kind_words(kind: str) -> str:
    """Return a field's kind."""
    words = {
        "text": _("Text"),
        "number": _("Number"),
        "whole": _("Whole number"),
        "yes_no": _("Yes or no"),
        "date": _("Date"),
        "texts": _("List of texts"),
        "choice": _("One of a few"),
        "group": _("Group of fields"),
        "groups": _("List of groups"),
    }
    return str(words[kind])


def level_words(level: int) -> str:
    """Return where a field stands."""
    words = (_("at the top"), _("in the group above"), _("in the group inside that"))
    return str(words[level])


def summary(view: EndpointView) -> str:
    """Return the section in a line."""
    config = view.working_config
    parts = []
    for schema, name in ((config.input_schema, _("Requests")), (config.output_schema, _("Answers"))):
        if schema is not None:
            count = len(schema.get("properties") or ())
            words = ngettext("%(num)d field", "%(num)d fields", count) if count else _("written by hand")
            parts.append(f"{name}: {words}")
    return " · ".join(parts) or str(_("Anything may be sent, anything may be answered"))


section = Section(
    name="schemas",
    label=_l("Schemas"),
    hint=_l("Which fields a request must have, and which the answer. What does not fit is refused."),
    icon="list",
    fields=frozenset({"input_schema", "output_schema"}),
    read=read,
    typed=typed,
    values=values,
    more=more,
    summary=summary,
)
