"""Plans: what the workspace's own plan includes; operators edit all of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, g
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import credit_words, forms, pages, plugin_words
from app.dashboard.auth import actor
from app.domain.errors import Conflict, InvalidInput, NotAllowed
from app.domain.pricing import format_usd
from app.models import Plan
from app.services import plans

blueprint = Blueprint("plans", __name__, url_prefix="/w/<workspace>/plans")
WHOLE = ("requests_per_minute", "burst_per_second", "included_tokens")
AMOUNTS = ("price_usd_per_month", "overage_usd_per_million", "trial_credit_usd")
BLANK: dict[str, Any] = {"slug": "", "name": "", "plugins": None, "hard_cap": False}


@blueprint.get("")
def index() -> Response:
    """Show the workspace's plan and, to operators, all plans."""
    return list_page()


@blueprint.get("/new")
def new() -> Response:
    """Show the form for another plan. Operators only."""
    if not actor().is_operator:
        raise NotAllowed(_("Only an operator edits plans."))
    return form_page(BLANK)


@blueprint.post("")
def create() -> Response:
    """Add a plan."""
    try:
        made = plans.create(actor(), {**form_fields(), "slug": forms.text("slug")})
    except (InvalidInput, Conflict) as error:
        return form_page(typed(), error)
    return pages.see("plans.index", _("The plan %(name)s is there. No account is on it yet.", name=made.name))


@blueprint.get("/<uuid:plan>/edit")
def edit(plan: UUID) -> Response:
    """Show a plan's form. Operators only."""
    found = plans.find(actor(), str(plan)).plan
    return form_page(plans.as_fields(found), plan=found)


@blueprint.post("/<uuid:plan>/edit")
def update(plan: UUID) -> Response:
    """Store a plan; every account on it feels it at once."""
    found = plans.find(actor(), str(plan)).plan
    try:
        plans.update(actor(), found.id, form_fields())
    except (InvalidInput, Conflict) as error:
        return form_page(typed(), error, found)
    return pages.see("plans.index", _("Saved. It holds from now on for every account on it."))


@blueprint.post("/<uuid:plan>/delete")
def delete(plan: UUID) -> Response:
    """Remove a plan that nobody is on."""
    try:
        gone = plans.delete(actor(), str(plan))
    except Conflict as error:
        return list_page(refusal=error.message, status=409)
    return pages.see("plans.index", _("The plan %(name)s is removed.", name=gone.name))


def form_fields() -> dict[str, Any]:
    """Return the form as the service takes it."""
    amounts = {name: forms.amount(name) for name in AMOUNTS}
    return {
        "name": forms.text("name"),
        "hard_cap": forms.switch("hard_cap"),
        "plugins": None if forms.text("plugins") != "some" else forms.many("plugin_names"),
        **{name: forms.whole(name) for name in WHOLE},
        **amounts,
    }


def typed() -> dict[str, Any]:
    """Return what was typed, to show it again."""
    return {**forms.typed(), "hard_cap": forms.switch("hard_cap"), "plugins": form_fields()["plugins"]}


def list_page(status: int = 200, **context: Any) -> Response:
    """Return the page with whatever the last step has to say."""
    is_operator = actor().is_operator
    return pages.page(
        "plans/index.html",
        own=plans.own(actor(), g.workspace.id),
        views=plans.list_all(actor()) if is_operator else [],
        is_operator=is_operator,
        words=credit_words,
        format_usd=format_usd,
        status=status,
        **context,
    )


def form_page(
    values: dict[str, Any], error: InvalidInput | Conflict | None = None, plan: Plan | None = None
) -> Response:
    """Return the form with its values, and with what is wrong with them."""
    return pages.page(
        "plans/form.html",
        values=values,
        errors=pages.errors_of(error) if error else {},
        view=plans.find(actor(), plan.id) if plan else None,
        plugins=[(name, words.title, words.what) for name, words in plugin_words.WORDS.items()],
        status=422 if error else 200,
    )
