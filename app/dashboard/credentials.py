"""A provider's keys: added, tested, switched off and on, deleted; their secrets are never shown again."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, g, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.dashboard import pages
from app.dashboard.auth import actor
from app.dashboard.providers import show_page
from app.domain.errors import Conflict, GatewayError, InvalidInput, NotAllowed, NotFound
from app.services import credentials

blueprint = Blueprint("credentials", __name__, url_prefix="/w/<workspace>")


@blueprint.post("/providers/<uuid:provider>/credentials")
def create(provider: UUID) -> BaseResponse:
    """Add a key to a provider."""
    fields = {name: request.form.get(name, "") for name in ("name", "secret", "project_id")}
    try:
        row = credentials.create(actor(), g.workspace.id, str(provider), fields)
    except (InvalidInput, Conflict) as error:
        return show_page(str(provider), fields, pages.errors_of(error))
    return pages.see("providers.show", _("Key “%(name)s” is added.", name=row.name), provider=provider)


@blueprint.post("/credentials/<uuid:credential>/test")
def test(credential: UUID) -> BaseResponse:
    """Ask the provider whether it takes the key; say in plain words what came of it."""
    row = credentials.find(actor(), g.workspace.id, str(credential))
    works, words = attempt(row.id)
    if pages.is_part():
        return pages.page("", part="providers/_test.html", credential=row, works=works, words=words)
    flash(words, "success" if works else "error")
    return pages.see("providers.show", provider=row.provider_id)


def attempt(credential_id: str) -> tuple[bool, str]:
    """Test a key; return whether it works, and the sentence to show."""
    try:
        return True, credentials.test(actor(), g.workspace.id, credential_id)
    except (NotAllowed, NotFound):
        raise
    except GatewayError as error:
        return False, error.message


@blueprint.post("/credentials/<uuid:credential>")
def update(credential: UUID) -> BaseResponse:
    """Switch a key off or on."""
    active = request.form.get("active") == "1"
    row = credentials.find(actor(), g.workspace.id, str(credential))
    try:
        credentials.set_active(actor(), g.workspace.id, row.id, active)
    except InvalidInput as error:
        flash(error.message, "error")
        return pages.see("providers.show", provider=row.provider_id)
    text = _("Key “%(name)s” is switched on.") if active else _("Key “%(name)s” is switched off.")
    return pages.see("providers.show", text % {"name": row.name}, provider=row.provider_id)


@blueprint.post("/credentials/<uuid:credential>/delete")
def delete(credential: UUID) -> BaseResponse:
    """Delete a key for good."""
    row = credentials.find(actor(), g.workspace.id, str(credential))
    credentials.delete(actor(), g.workspace.id, row.id)
    return pages.see(
        "providers.show", _("Key “%(name)s” is deleted.", name=row.name), provider=row.provider_id
    )
