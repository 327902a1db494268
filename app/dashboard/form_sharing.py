"""Opening an endpoint's test form to people with a key, and closing it again."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, g
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import forms, pages
from app.dashboard.auth import actor
from app.services import shared_forms

blueprint = Blueprint("form_sharing", __name__, url_prefix="/w/<workspace>/endpoints")


@blueprint.post("/<uuid:endpoint_id>/form")
def update(endpoint_id: UUID) -> Response:
    """Share the form, or no longer."""
    shared = forms.text("shared") == "1"
    endpoint = shared_forms.share(actor(), g.workspace.id, str(endpoint_id), shared)
    words = _("The test form is open to whoever has its address and a key.") if shared else _("Closed.")
    return pages.see("endpoints.use_it", words, endpoint_id=endpoint.id)
