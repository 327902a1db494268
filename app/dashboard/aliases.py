"""Aliases: names of the workspace's own for models; editors make them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, g
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.dashboard import forms, model_words, pages
from app.dashboard.auth import actor
from app.domain.actors import at_least
from app.domain.aliases import MOST_MODELS
from app.domain.errors import Conflict, InvalidInput
from app.services import aliases, model_choices, projects
from app.services.aliases import AliasView

blueprint = Blueprint("aliases", __name__, url_prefix="/w/<workspace>/aliases")
BLANK: dict[str, Any] = {"models": [], "scope": "", "active": True}


@blueprint.get("")
def index() -> Response:
    """List the aliases with the models behind them."""
    return pages.page(
        "aliases/index.html",
        views=aliases.list_all(actor(), g.workspace.id),
        may_edit=at_least(g.role, "editor"),
        words=model_words,
    )


@blueprint.get("/new")
def new() -> Response:
    """Show the form for a new alias."""
    forms.require("editor")
    return form_page(BLANK)


@blueprint.post("")
def create() -> BaseResponse:
    """Make an alias for all projects, or for one."""
    forms.require("editor")
    try:
        made = aliases.create(actor(), g.workspace.id, fields(), forms.text("scope") or None)
    except (InvalidInput, Conflict) as error:
        return form_page(typed(), error)
    return pages.see("aliases.index", _("“%(name)s” can be called as a model now.", name=made.name))


@blueprint.get("/<uuid:alias>/edit")
def edit(alias: UUID) -> Response:
    """Show an alias's form."""
    forms.require("editor")
    view = aliases.find(actor(), g.workspace.id, str(alias))
    return form_page(aliases.as_fields(view.alias), view=view)


@blueprint.post("/<uuid:alias>/edit")
def update(alias: UUID) -> BaseResponse:
    """Change an alias."""
    view = aliases.find(actor(), g.workspace.id, str(alias))
    try:
        aliases.update(actor(), g.workspace.id, view.alias.id, fields())
    except (InvalidInput, Conflict) as error:
        return form_page(typed(), error, view)
    return pages.see("aliases.index", _("Saved. It holds from the next call on."))


@blueprint.post("/<uuid:alias>/delete")
def delete(alias: UUID) -> BaseResponse:
    """Delete an alias."""
    aliases.delete(actor(), g.workspace.id, str(alias))
    return pages.see("aliases.index", _("The alias is deleted. Its name stands for nothing any more."))


def fields() -> dict[str, Any]:
    """Return the form as the service takes it."""
    return {
        "name": forms.text("name"),
        "description": forms.text("description"),
        "models": forms.many("models"),
        "prompt": forms.text("prompt"),
        "temperature": forms.decimal("temperature"),
        "top_p": forms.decimal("top_p"),
        "max_output_tokens": forms.whole("max_output_tokens"),
        "active": forms.switch("active"),
    }


def typed() -> dict[str, Any]:
    """Return what was typed, to show it again."""
    models = [model for model in forms.many("models") if model.strip()]
    return {**forms.typed(), "models": models, "active": forms.switch("active")}


def form_page(
    values: dict[str, Any], error: InvalidInput | Conflict | None = None, view: AliasView | None = None
) -> Response:
    """Render the form; whose an alias is stays as it was made."""
    project_id = view.alias.project_id if view else None
    shelves = model_choices.list_shelves(actor(), g.workspace.id, project_id, chat_only=False)
    owners = [(row.id, row.name) for row in projects.list_all(actor(), g.workspace.id) if row.active]
    return pages.page(
        "aliases/form.html",
        status=422 if error else 200,
        values=values,
        errors=pages.errors_of(error) if error else {},
        view=view,
        rows=(values["models"] + [""] * MOST_MODELS)[:MOST_MODELS],
        scopes=[("", str(_("All projects of this workspace"))), *owners],
        shelves=shelves,
        known=model_choices.by_id(shelves),
        words=model_words,
    )
