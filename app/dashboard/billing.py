"""Billing: how the account pays and its plan (operators), and when it wants to be warned (admins)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import credit_words, forms, pages
from app.dashboard.auth import actor
from app.domain.accounts import FIELDS, THRESHOLDS
from app.domain.errors import Conflict, InvalidInput
from app.services import accounts, billing, plans

blueprint = Blueprint("billing", __name__, url_prefix="/w/<workspace>/billing")


@blueprint.get("")
def edit() -> Response:
    """Show how the account pays."""
    forms.require("admin")
    return form_page(accounts.as_fields(accounts.find(actor(), g.workspace.id)))


@blueprint.post("")
def update() -> Response:
    """Store it; what the person may not change is not in their form."""
    names = FIELDS if actor().is_operator else THRESHOLDS
    typed = {name: forms.amount(name) for name in names}
    try:
        billing.update(actor(), g.workspace.id, typed)
    except (InvalidInput, Conflict) as error:
        return form_page(typed, error)
    return pages.see("credits.index", _("Saved."))


def form_page(values: dict[str, Any], error: InvalidInput | Conflict | None = None) -> Response:
    """Return the form with its values, and with what is wrong with them."""
    is_operator = actor().is_operator
    return pages.page(
        "billing/edit.html",
        values=values,
        errors=pages.errors_of(error) if error else {},
        root=accounts.find(actor(), g.workspace.id),
        plans=[view.plan for view in plans.list_all(actor())] if is_operator else [],
        is_operator=is_operator,
        words=credit_words,
        status=422 if error else 200,
    )
