"""Models: what the workspace's providers offer and what it costs; admins set prices of their own."""

from __future__ import annotations

from itertools import groupby

from flask import Blueprint, Response, g, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.dashboard import forms, model_form, model_words, pages
from app.dashboard.auth import actor
from app.domain.actors import at_least
from app.domain.errors import InvalidInput
from app.domain.pricing import format_usd
from app.services import model_rows, price_list, unpriced_models

blueprint = Blueprint("models", __name__, url_prefix="/w/<workspace>/models")


@blueprint.get("")
def index() -> Response:
    """List the models; `q` searches."""
    query = request.args.get("q", "")[:200]
    found = price_list.offered(actor(), g.workspace.id, query)
    return pages.page(
        "models/index.html",
        part="models/_table.html",
        models=found,
        groups=[(provider, list(group)) for provider, group in groupby(found, lambda model: model.provider)],
        query=query,
        unpriced=[] if query else unpriced_models.list_all(actor(), g.workspace.id),
        may_edit=at_least(g.role, "admin"),
        words=model_words,
        format_usd=format_usd,
    )


@blueprint.get("/new")
def new() -> Response:
    """Show the form for a model that the catalog does not know."""
    forms.require("admin")
    return model_form.page(model_form.blank(request.args.get("id", "")))


@blueprint.post("")
def create() -> BaseResponse:
    """Set the price of a model that is named in the form."""
    forms.require("admin")
    model = forms.text("id").strip()
    try:
        model_rows.set_row(actor(), g.workspace.id, model, model_form.fields())
    except InvalidInput as error:
        return model_form.page(model_form.typed(model), pages.errors_of(error))
    return pages.see("models.index", _("%(model)s is saved.", model=model), q=model)


@blueprint.get("/<path:model>/edit")
def edit(model: str) -> Response:
    """Show the workspace's own price of a model, or the catalog's to begin with."""
    forms.require("admin")
    found = price_list.find(actor(), g.workspace.id, model)
    return model_form.page(model_form.values_of(found), found=found)


@blueprint.post("/<path:model>/edit")
def update(model: str) -> BaseResponse:
    """Set the price of a model, or go back to the shipped one."""
    forms.require("admin")
    found = price_list.find(actor(), g.workspace.id, model)
    try:
        model_rows.set_row(actor(), g.workspace.id, model, model_form.fields(found))
    except InvalidInput as error:
        return model_form.page(model_form.typed(model), pages.errors_of(error), found)
    return pages.see("models.index", _("%(model)s is saved.", model=model), q=model)


@blueprint.post("/<path:model>/delete")
def delete(model: str) -> BaseResponse:
    """Remove the workspace's own price; the catalog's holds again."""
    model_rows.remove_row(actor(), g.workspace.id, model)
    return pages.see("models.index", _("The own price of %(model)s is removed.", model=model))
