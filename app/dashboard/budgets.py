"""Budgets: what may be spent, by whom and per what; admins set them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, g, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import budget_words, forms, pages
from app.dashboard.auth import actor
from app.domain.actors import at_least
from app.domain.errors import Conflict, InvalidInput, NotFound
from app.services import budget_scopes, budgets
from app.services.budget_scopes import Scope
from app.services.budgets import BudgetStatus

blueprint = Blueprint("budgets", __name__, url_prefix="/w/<workspace>/budgets")
BLANK: dict[str, Any] = {"scope": "", "period": "month", "usd": "", "tokens": "", "consequence": "stop"}


@blueprint.get("")
def index() -> Response:
    """List the budgets with what is used of each; those that count first."""
    shown = budgets.status(actor(), g.workspace.id)
    return pages.page(
        "budgets/index.html",
        counting=[each for each in shown if each.counts],
        resting=[each for each in shown if not each.counts],
        may_edit=at_least(g.role, "admin"),
        words=budget_words,
    )


@blueprint.get("/new")
def new() -> Response:
    """Show the form for a new budget; `scope` and `period` may be chosen already."""
    forms.require("admin")
    chosen = {name: request.args[name] for name in ("scope", "period") if name in request.args}
    return form_page({**BLANK, **chosen})


@blueprint.post("")
def create() -> Response:
    """Set a budget."""
    forms.require("admin")
    scope_type, _colon, scope_id = forms.text("scope").partition(":")
    try:
        period = forms.text("period")
        budgets.create(actor(), g.workspace.id, (scope_type, scope_id), period, {**caps(), "active": True})
    except NotFound:
        return form_page(forms.typed(), InvalidInput(_("Choose one of the list."), param="scope"))
    except (InvalidInput, Conflict) as error:
        return form_page(forms.typed(), error)
    return pages.see("budgets.index", _("The budget is set."))


@blueprint.get("/<uuid:budget>/edit")
def edit(budget: UUID) -> Response:
    """Show a budget's form."""
    forms.require("admin")
    shown = budgets.find(actor(), g.workspace.id, str(budget))
    return form_page(values_of(shown), shown=shown)


@blueprint.post("/<uuid:budget>/edit")
def update(budget: UUID) -> Response:
    """Change a budget; the running period obeys at once."""
    shown = budgets.find(actor(), g.workspace.id, str(budget))
    try:
        budgets.update_caps(actor(), g.workspace.id, shown.budget.id, caps())
    except InvalidInput as error:
        return form_page({**values_of(shown), **forms.typed()}, error, shown)
    return pages.see("budgets.index", _("Saved. It holds from the next call on."))


@blueprint.post("/<uuid:budget>/active")
def switch(budget: UUID) -> Response:
    """Switch a budget off or on."""
    active = forms.text("active") == "1"
    budgets.update_caps(actor(), g.workspace.id, str(budget), {"active": active})
    message = _("The budget is switched on.") if active else _("The budget is switched off.")
    return pages.see("budgets.index", message)


def caps() -> dict[str, Any]:
    """Return the form as the service takes it."""
    return {
        "usd": forms.amount("usd"),
        "tokens": forms.whole("tokens"),
        "hard": forms.text("consequence") != "tell",
    }


def values_of(shown: BudgetStatus) -> dict[str, Any]:
    """Return a budget as its form shows it."""
    fields = budgets.as_fields(shown.budget)
    about = {"scope": budget_words.value(shown.scope), "period": shown.budget.period}
    return {**fields, **about, "consequence": "stop" if shown.budget.hard else "tell"}


def form_page(
    values: dict[str, Any], error: InvalidInput | Conflict | None = None, shown: BudgetStatus | None = None
) -> Response:
    """Render the form; of a budget that is there already, what it stands on and its period are fixed."""
    pickable = budget_scopes.pickable(actor(), g.workspace.id) if shown is None else []
    return pages.page(
        "budgets/form.html",
        status=422 if error else 200,
        values=values,
        errors=pages.errors_of(error) if error else {},
        shown=shown,
        groups=grouped(pickable),
        words=budget_words,
    )


def grouped(scopes: list[Scope]) -> list[tuple[str, Any]]:
    """Return the options of the scope field: the workspace, then groups by kind."""
    headings = {
        "sub": _("Sub-accounts"),
        "project": _("Projects"),
        "endpoint": _("Endpoints"),
        "key": _("Keys"),
    }
    groups: dict[str, list[tuple[str, str]]] = {name: [] for name in headings}
    for scope in scopes:
        if not scope.is_root:
            group = "sub" if scope.type == "account" else scope.type
            groups[group].append((budget_words.value(scope), budget_words.name(scope)))
    whole = [(budget_words.value(scope), str(_("The whole workspace"))) for scope in scopes if scope.is_root]
    return [*whole, *((str(headings[name]), options) for name, options in groups.items() if options)]
