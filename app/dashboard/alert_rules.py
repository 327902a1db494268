"""Alert rules: listed, tried before they are saved, made and changed by admins."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, g
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.dashboard import alert_rule_form, forms, pages
from app.dashboard.auth import actor
from app.domain.actors import at_least
from app.domain.alert_rules import written
from app.domain.errors import Conflict, InvalidInput
from app.services import alert_previews, alert_rules
from app.services.alert_previews import Preview
from app.services.alert_rules import RuleView

blueprint = Blueprint("alert_rules", __name__, url_prefix="/w/<workspace>/alert-rules")


@blueprint.get("")
def index() -> Response:
    """List the rules with what they measured last."""
    return pages.page(
        "alert_rules/index.html",
        views=alert_rules.list_all(actor(), g.workspace.id),
        may_edit=at_least(g.role, "admin"),
        written=written,
    )


@blueprint.get("/new")
def new() -> Response:
    """Show the form for a new rule."""
    forms.require("admin")
    return form_page(alert_rule_form.BLANK)


@blueprint.post("")
def create() -> BaseResponse:
    """Make a rule."""
    forms.require("admin")
    try:
        made = alert_rules.create(actor(), g.workspace.id, alert_rule_form.fields())
    except (InvalidInput, Conflict) as error:
        return form_page(alert_rule_form.typed(), error)
    return pages.see("alert_rules.index", _("“%(name)s” is watched from now on.", name=made.row.name))


@blueprint.get("/<uuid:rule>")
def show(rule: UUID) -> Response:
    """Show a rule: to admins as its form, to others in words."""
    view = alert_rules.find(actor(), g.workspace.id, str(rule))
    if at_least(g.role, "admin"):
        return form_page(alert_rule_form.values_of(alert_rules.as_fields(view.row)), view=view)
    return pages.page("alert_rules/show.html", view=view, written=written)


@blueprint.post("/<uuid:rule>")
def update(rule: UUID) -> BaseResponse:
    """Change a rule."""
    view = alert_rules.find(actor(), g.workspace.id, str(rule))
    forms.require("admin")
    try:
        alert_rules.update(actor(), g.workspace.id, view.row.id, alert_rule_form.fields())
    except (InvalidInput, Conflict) as error:
        return form_page(alert_rule_form.typed(), error, view)
    return pages.see("alert_rules.index", _("Saved."))


@blueprint.post("/<uuid:rule>/delete")
def delete(rule: UUID) -> BaseResponse:
    """Delete a rule."""
    alert_rules.remove(actor(), g.workspace.id, str(rule))
    return pages.see("alert_rules.index", _("The rule is deleted. The alerts that it made stay."))


@blueprint.post("/preview")
@blueprint.post("/<uuid:rule>/preview")
def preview(rule: UUID | None = None) -> Response:
    """Say what the rule in the form measures now, and how often it would have told."""
    forms.require("admin")
    view = alert_rules.find(actor(), g.workspace.id, str(rule)) if rule else None
    given = {**alert_rule_form.fields(), "name": forms.text("name").strip() or "preview"}
    try:
        found = alert_previews.preview(actor(), g.workspace.id, given)
    except InvalidInput as error:
        return form_page(alert_rule_form.typed(), error, view)
    return form_page(alert_rule_form.typed(), view=view, found=found)


def form_page(
    values: dict[str, Any],
    error: InvalidInput | Conflict | None = None,
    view: RuleView | None = None,
    found: Preview | None = None,
) -> Response:
    """Render the form, with what a preview found."""
    return pages.page(
        "alert_rules/form.html",
        status=422 if error else 200,
        values=values,
        errors=pages.errors_of(error) if error else {},
        view=view,
        found=found,
        choices=alert_rule_form.choices(),
        written=written,
    )
