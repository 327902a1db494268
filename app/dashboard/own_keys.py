"""Keys of a customer's own at providers, on the page of the key whose calls they pay (R18)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, g
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import forms, pages
from app.dashboard.auth import actor
from app.domain.errors import InvalidFields
from app.models import Key
from app.services import key_credentials, keys, providers

blueprint = Blueprint("own_keys", __name__, url_prefix="/w/<workspace>/keys/<uuid:key>/own-keys")


@blueprint.get("/new")
def new(key: UUID) -> Response:
    """Show the form for a provider's key of the customer's own."""
    forms.require("editor")
    return form_page(keys.find(actor(), g.workspace.id, str(key)), {})


@blueprint.post("")
def create(key: UUID) -> Response:
    """Store it, in place of an earlier one at the same provider."""
    found = keys.find(actor(), g.workspace.id, str(key))
    place, secret = forms.text("provider"), forms.text("secret").strip()
    try:
        key_credentials.update(actor(), g.workspace.id, found.id, {place: secret})
    except InvalidFields as error:
        return form_page(found, {"provider": place}, next(iter(error.errors.values())))
    return pages.see("keys.edit", _("Saved. Calls with this key are paid there from now on."), key=found.id)


@blueprint.post("/<provider>/delete")
def delete(key: UUID, provider: str) -> Response:
    """Forget it."""
    found = keys.find(actor(), g.workspace.id, str(key))
    try:
        key_credentials.update(actor(), g.workspace.id, found.id, {provider: None})
    except InvalidFields as error:
        return form_page(found, {}, next(iter(error.errors.values())))
    return pages.see("keys.edit", _("Forgotten. This workspace pays again."), key=found.id)


def block(key: Key) -> list[key_credentials.OwnKey]:
    """Return what the key's page shows of them."""
    return key_credentials.list_all(actor(), g.workspace.id, key.id)


def form_page(key: Key, values: dict[str, Any], error: str = "") -> Response:
    """Return the form; a secret is never shown again."""
    listed = providers.list_all(actor(), g.workspace.id)
    places = [(row.slug, row.name) for row in listed if row.dialect != "demo"]
    errors = {"secret": error} if error else {}
    status = 422 if error else 200
    return pages.page(
        "keys/own_key.html", key=key, values=values, errors=errors, places=places, status=status
    )
