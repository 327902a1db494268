"""The form of a new endpoint: the few things it cannot do without. All else is set in its sections."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from app.dashboard import forms, model_words, pages
from app.dashboard.sections import model
from app.domain.errors import Conflict, InvalidInput
from app.domain.ids import slugify
from app.models import Project

BLANK: dict[str, Any] = {"streaming_enabled": True}


def fields() -> dict[str, Any]:
    """Return the form as the service takes it; a slug left empty follows from the name."""
    name, slug = forms.text("name").strip(), forms.text("slug").strip()
    return {
        "name": name,
        "slug": slug or (slugify(name) if name else ""),
        "model": forms.text("model"),
        "prompt": forms.text("prompt"),
        "streaming_enabled": forms.switch("streaming_enabled"),
    }


def page(project: Project, values: dict[str, Any], error: InvalidInput | Conflict | None = None) -> Response:
    """Return the form with its values, and with what is wrong with them."""
    return pages.page(
        "endpoints/new.html",
        project=project,
        values=values,
        errors=pages.errors_of(error) if error else {},
        words=model_words,
        status=422 if error else 200,
        **model.choices(project),
    )
