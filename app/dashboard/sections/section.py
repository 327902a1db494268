"""One section of an endpoint's settings: a page of its own with a small form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask_babel.speaklater import LazyString

from app.dashboard import forms
from app.models import Project
from app.services.endpoints import EndpointView


def nothing_more(view: EndpointView, project: Project) -> dict[str, Any]:
    """Return what a section's page needs besides its values: nothing."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A form over some fields of the working version: the draft, or else what answers now.

    `name` ends its address and names its template, templates/endpoints/sections/<name>.html.
    `fields`: what it may save, of EndpointConfig's fields, `name` and `slug`; it leaves all others alone.
    `read` returns the submitted form as `endpoints.save` takes it; it may raise InvalidInput.
    `values` returns what the form shows of the working version; `typed` what was typed, to show it again.
    `summary`: one short line for the overview. `more`: further context of the template.
    `keeps_typed`: text that was not saved survives leaving the page; only for forms of fixed fields.
    """

    name: str
    label: LazyString
    hint: LazyString
    icon: str
    fields: frozenset[str]
    read: Callable[[], dict[str, Any]]
    values: Callable[[EndpointView], dict[str, Any]]
    summary: Callable[[EndpointView], str]
    typed: Callable[[], dict[str, Any]] = forms.typed
    more: Callable[[EndpointView, Project], dict[str, Any]] = nothing_more
    keeps_typed: bool = False
