"""The form of an endpoint: its fields as the service takes them, and the page that shows it."""

from __future__ import annotations

from typing import Any

from flask import g
from werkzeug.wrappers import Response

from app.dashboard import forms, limit_fields, model_words, pages
from app.dashboard.auth import actor
from app.domain.endpoints import MOST_FAILOVERS, MOST_OUTPUT_TOKENS
from app.domain.errors import Conflict, InvalidInput
from app.domain.ids import slugify
from app.models import Project
from app.services import model_choices
from app.services.endpoints import EndpointView

BLANK: dict[str, Any] = {"failover": [], "streaming_enabled": True}


def fields() -> dict[str, Any]:
    """Return the form as the service takes it; a slug left empty follows from the name."""
    name, slug = forms.text("name").strip(), forms.text("slug").strip()
    return {
        "name": name,
        "slug": slug or (slugify(name) if name else ""),
        "description": forms.text("description"),
        "model": forms.text("model"),
        "failover": forms.many("failover"),
        "prompt": forms.text("prompt"),
        "user_prompt_template": forms.text("user_prompt_template"),
        "temperature": forms.decimal("temperature"),
        "top_p": forms.decimal("top_p"),
        "max_output_tokens": forms.whole("max_output_tokens"),
        "streaming_enabled": forms.switch("streaming_enabled"),
        "limits": limit_fields.typed(),
    }


def base() -> int | None:
    """Return the number of the version that the editor started from."""
    number = forms.whole("base")
    return number if isinstance(number, int) else None


def typed() -> dict[str, Any]:
    """Return what was typed, to show it again."""
    return {**forms.typed(), "failover": [model for model in forms.many("failover") if model.strip()]}


def values_of(view: EndpointView) -> dict[str, Any]:
    """Return an endpoint's published version as the form shows it."""
    names = {"name": view.endpoint.name, "slug": view.endpoint.slug, "base": view.version.number}
    return {**view.config.as_dict(), **limit_fields.values(view.config.limits.as_dict()), **names}


def page(
    template: str,
    project: Project,
    values: dict[str, Any],
    error: InvalidInput | Conflict | None = None,
    view: EndpointView | None = None,
) -> Response:
    """Return the form with its values, and with what is wrong with them."""
    shelves = model_choices.list_shelves(actor(), g.workspace.id, project.id)
    return pages.page(
        template,
        project=project,
        view=view,
        values=values,
        rows=(values["failover"] + [""] * MOST_FAILOVERS)[: max(MOST_FAILOVERS, len(values["failover"]))],
        errors=pages.errors_of(error) if error else {},
        shelves=shelves,
        known=model_choices.by_id(shelves),
        words=model_words,
        most_output_tokens=MOST_OUTPUT_TOKENS,
        status=422 if error else 200,
    )
