"""The section of an endpoint's prompt and user template."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.dashboard import forms
from app.dashboard.sections.section import Section
from app.services.endpoints import EndpointView

FIELDS = ("prompt", "user_prompt_template")
MOST_SHOWN = 90


def read() -> dict[str, Any]:
    """Return the form as the service takes it."""
    return {name: forms.text(name) for name in FIELDS}


def values(view: EndpointView) -> dict[str, Any]:
    """Return what the form shows."""
    return {name: getattr(view.working_config, name) for name in FIELDS}


def summary(view: EndpointView) -> str:
    """Return the section in a line."""
    config = view.working_config
    if config.prompt:
        line = " ".join(config.prompt[: 4 * MOST_SHOWN].split())
        return f"{line[:MOST_SHOWN].rstrip()}…" if len(line) > MOST_SHOWN else line
    if config.user_prompt_template:
        return str(_("No prompt; a user template wraps what the caller sends"))
    return str(_("No prompt: what the caller says goes to the model as it is"))


section = Section(
    name="prompt",
    label=_l("Prompt"),
    hint=_l("What the model is told before it reads the caller."),
    icon="send",
    fields=frozenset(FIELDS),
    read=read,
    values=values,
    summary=summary,
    keeps_typed=True,
)
