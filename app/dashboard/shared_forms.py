"""The shared test form of an endpoint: a page for people with a key and no account here.

It tells nothing about the endpoint: its script asks the gateway with the key, which stays in the page.
"""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response

from app.dashboard import entrance
from app.domain.errors import NotFound
from app.domain.ids import is_slug
from app.services import shared_forms

blueprint = Blueprint("shared_forms", __name__)


@blueprint.get("/try/<uuid:project>/<slug>")
def show(project: UUID, slug: str) -> Response:
    """Show the form, which first asks for a key."""
    if not is_slug(slug) or not shared_forms.is_shared(str(project), slug):
        raise NotFound
    return entrance.page("shared_forms/show.html", base=f"/api/{project}", slug=slug)
