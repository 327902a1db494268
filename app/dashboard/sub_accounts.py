"""Accounts: the one that pays and the sub-accounts below it, with their keys and what they spend."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, g
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import budget_words, forms, pages
from app.dashboard.auth import actor
from app.domain.actors import at_least
from app.domain.errors import Conflict, InvalidInput
from app.domain.pricing import format_usd
from app.models import Account
from app.services import sub_accounts

blueprint = Blueprint("sub_accounts", __name__, url_prefix="/w/<workspace>/accounts")


@blueprint.get("")
def index() -> Response:
    """List the accounts."""
    return pages.page(
        "sub_accounts/index.html",
        views=sub_accounts.overview(actor(), g.workspace.id),
        may_edit=at_least(g.role, "admin"),
        format_usd=format_usd,
    )


@blueprint.get("/new")
def new() -> Response:
    """Show the form for another sub-account."""
    forms.require("admin")
    return form_page({})


@blueprint.post("")
def create() -> Response:
    """Make a sub-account."""
    try:
        made = sub_accounts.create(actor(), g.workspace.id, form_fields())
    except (InvalidInput, Conflict) as error:
        return form_page(form_fields(), error)
    return pages.see(
        "sub_accounts.index", _("%(name)s is there. Book keys on it on their pages.", name=made.name)
    )


@blueprint.get("/<uuid:account>/edit")
def edit(account: UUID) -> Response:
    """Show a sub-account's form."""
    forms.require("admin")
    found = sub_accounts.find(actor(), g.workspace.id, str(account))
    return form_page(sub_accounts.as_fields(found), account=found)


@blueprint.post("/<uuid:account>/edit")
def update(account: UUID) -> Response:
    """Store a sub-account's name and reference."""
    found = sub_accounts.find(actor(), g.workspace.id, str(account))
    try:
        sub_accounts.update(actor(), g.workspace.id, found.id, form_fields())
    except (InvalidInput, Conflict) as error:
        return form_page(form_fields(), error, found)
    return pages.see("sub_accounts.index", _("Saved."))


@blueprint.post("/<uuid:account>/switch")
def switch(account: UUID) -> Response:
    """Switch a sub-account on or off."""
    wanted = forms.text("active") == "1"
    changed = sub_accounts.update(actor(), g.workspace.id, str(account), {"active": wanted})
    off = _("%(name)s is switched off. Its keys are refused from now on.", name=changed.name)
    on = _("%(name)s is switched on. Its keys work again.", name=changed.name)
    return pages.see("sub_accounts.index", on if wanted else off)


def form_fields() -> dict[str, Any]:
    """Return the form as the service takes it."""
    return {name: forms.text(name) for name in ("name", "external_ref")}


def form_page(
    values: dict[str, Any], error: InvalidInput | Conflict | None = None, account: Account | None = None
) -> Response:
    """Return the form with its values, and with what is wrong with them."""
    return pages.page(
        "sub_accounts/form.html",
        values=values,
        errors=pages.errors_of(error) if error else {},
        account=account,
        budgets=budget_words.block("account", account.id) if account else None,
        budget_words=budget_words,
        status=422 if error else 200,
    )
