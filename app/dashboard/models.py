"""Models: what the workspace's providers offer and what it costs; admins set prices of their own."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from flask import Blueprint, Response, g, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.dashboard import forms, model_words, pages
from app.dashboard.auth import actor
from app.domain.actors import at_least
from app.domain.errors import InvalidInput
from app.domain.pricing import format_usd
from app.services import model_rows, price_list, providers

blueprint = Blueprint("models", __name__, url_prefix="/w/<workspace>/models")
PRICES = tuple(f"{name}_usd_per_million" for name in model_rows.PRICES)
LIMITS = ("context_tokens", "max_output_tokens")


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
        may_edit=at_least(g.role, "admin"),
        words=model_words,
        format_usd=format_usd,
    )


@blueprint.get("/new")
def new() -> Response:
    """Show the form for a model that the catalog does not know."""
    forms.require("admin")
    return form_page({"id": request.args.get("id", "")})


@blueprint.post("")
def create() -> BaseResponse:
    """Set the price of a model that is named in the form."""
    return save(forms.text("id").strip(), known=None)


@blueprint.get("/<path:model>/edit")
def edit(model: str) -> Response:
    """Show the workspace's own price of a model, or the catalog's to begin with."""
    forms.require("admin")
    row = model_rows.find_row(actor(), g.workspace.id, model)
    values = model_rows.as_fields(row) if row else shipped_fields(model)
    return form_page({**values, "id": model}, known=model, has_row=row is not None)


@blueprint.post("/<path:model>/edit")
def update(model: str) -> BaseResponse:
    """Set the price of a model."""
    return save(model, known=model)


@blueprint.post("/<path:model>/delete")
def delete(model: str) -> BaseResponse:
    """Remove the workspace's own price; the catalog's holds again."""
    model_rows.remove_row(actor(), g.workspace.id, model)
    return pages.see("models.index", _("The own price of %(model)s is removed.", model=model))


def save(model: str, known: str | None) -> BaseResponse:
    """Store the form's row, or show the form again with what is wrong."""
    try:
        model_rows.set_row(actor(), g.workspace.id, model, form_fields())
    except InvalidInput as error:
        values = {**forms.typed(), "free": forms.switch("free"), "id": model}
        return form_page(values, pages.errors_of(error), known)
    return pages.see("models.index", _("The price of %(model)s is saved.", model=model), q=model)


def form_fields() -> dict[str, Any]:
    """Return the form as the service takes it."""
    prices = {name: forms.text(name).strip().replace(",", ".") for name in PRICES}
    return {**prices, **{name: forms.whole(name) for name in LIMITS}, "free": forms.switch("free")}


def shipped_fields(model: str) -> dict[str, Any]:
    """Return the catalog's facts of a model as the form shows them."""
    views = price_list.offered(actor(), g.workspace.id)
    facts = next((view.facts for view in views if view.id == model), None)
    return model_rows.fields_of(facts) if facts else {}


def form_page(
    values: dict[str, Any],
    errors: dict[str, str] | None = None,
    known: str | None = None,
    has_row: bool = False,
) -> Response:
    """Render the form; `known` is the model when it is not to be named any more."""
    slugs = [row.slug for row in providers.list_all(actor(), g.workspace.id) if row.dialect != "demo"]
    return pages.page(
        "models/form.html",
        status=422 if errors else 200,
        values=values,
        errors=errors or {},
        known=known,
        has_row=has_row,
        suggestions=[f"{slug}/" for slug in slugs],
    )
