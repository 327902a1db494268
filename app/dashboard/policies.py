"""Policies: whose call is answered by which model, as sentences; made, changed, tried and used."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, g, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import (
    forms,
    pages,
    policy_acts,
    policy_changes,
    policy_overlaps,
    policy_pages,
    policy_trial,
    policy_words,
)
from app.dashboard.auth import actor
from app.dashboard.policy_pages import find, form_page
from app.domain.errors import Conflict, InvalidInput
from app.services import call_counts, policies, projects
from app.services.policy_versions import PolicyView

blueprint = Blueprint("policies", __name__, url_prefix="/w/<workspace>/policies")


@blueprint.get("")
def index() -> Response:
    """List the policies of all projects."""
    return pages.page(
        "policies/index.html",
        views=policies.list_all(actor(), g.workspace.id),
        projects=projects.list_all(actor(), g.workspace.id),
        calls=call_counts.by_policy(actor(), g.workspace.id),
        words=policy_words,
    )


@blueprint.get("/new")
def new() -> Response:
    """Show the form for a new policy."""
    forms.require("editor")
    return form_page(None, policy_pages.blank(request.args.get("project", "")))


@blueprint.post("")
def create() -> Response:
    """Make a policy, live at once or to be rolled out, and lead to its page."""
    live = forms.text("save_as") != "rollout"
    try:
        place, fields = (g.workspace.id, forms.text("project")), policy_pages.fields()
        view = policies.create(actor(), *place, fields, forms.text("note"), live=live)
    except (InvalidInput, Conflict) as error:
        return form_page(None, policy_acts.typed(), pages.errors_of(error))
    if view.draft is not None:
        told = _("“%(name)s” is made. Say who gets its rules first.", name=view.policy.name)
        return pages.see("rollouts.index", told, policy=view.policy.id, version=view.draft.number)
    message = _("“%(name)s” decides from now on, for calls that name it.", name=view.policy.name)
    return pages.see("policies.show", message, policy=view.policy.id)


@blueprint.post("/form")
def build_new() -> Response:
    """Show the form of a new policy after what its pressed button does to it; nothing is saved."""
    forms.require("editor")
    return form_page(None, *policy_acts.pressed(forms.text("project")))


@blueprint.get("/<uuid:policy>")
def show(policy: UUID) -> Response:
    """Show what the policy says."""
    view = find(policy)
    yaml, unready = policy_changes.yaml_of(view.config), policy_pages.unready(view)
    context = {"yaml": yaml, "unready": unready, "overlaps": policy_overlaps.told(view.config)}
    return policy_pages.page("policies/show.html", view, **context)


@blueprint.get("/<uuid:policy>/edit")
def edit(policy: UUID) -> Response:
    """Show the form."""
    forms.require("editor")
    view = find(policy)
    return form_page(view, policy_pages.values(view))


@blueprint.post("/<uuid:policy>")
def update(policy: UUID) -> Response:
    """Save the form: as a draft, perhaps to roll it out next, or live at once."""
    view, live = find(policy), forms.text("save_as") == "live"
    try:
        place = g.workspace.id, view.policy.id
        fields, note, base = policy_pages.fields(), forms.text("note"), policy_pages.base()
        saved = policies.save(actor(), *place, fields, note, base=base, live=live)
    except (InvalidInput, Conflict) as error:
        return form_page(view, policy_acts.typed(), pages.errors_of(error))
    if forms.text("save_as") == "rollout" and saved.draft is not None:
        number = saved.draft.number
        return pages.see("rollouts.index", message(view, saved), policy=view.policy.id, version=number)
    return pages.see("policies.show", message(view, saved), policy=view.policy.id)


@blueprint.post("/<uuid:policy>/form")
def build(policy: UUID) -> Response:
    """Show the submitted form again, after what its pressed button does to it; nothing is saved."""
    forms.require("editor")
    view = find(policy)
    return form_page(view, *policy_acts.pressed(view.policy.project_id))


@blueprint.post("/<uuid:policy>/active")
def switch(policy: UUID) -> Response:
    """Switch a policy on or off."""
    active = forms.text("active") == "1"
    policies.set_active(actor(), g.workspace.id, str(policy), active)
    told = _("It decides again.") if active else _("It is switched off: every requested model answers.")
    return pages.see("policies.show", told, policy=policy)


@blueprint.get("/<uuid:policy>/try")
def try_it(policy: UUID) -> Response:
    """Show the form in which somebody is described."""
    view = find(policy)
    return trial_page(view, policy_trial.blank(view))


@blueprint.post("/<uuid:policy>/try")
def try_out(policy: UUID) -> Response:
    """Show which rule is for whom is described; nobody is asked, nothing is paid."""
    view = find(policy)
    typed = policy_trial.typed()
    try:
        trial = policy_trial.put(view, typed)
    except InvalidInput as error:
        return trial_page(view, typed, errors=pages.errors_of(error))
    return trial_page(view, typed, trial)


@blueprint.get("/<uuid:policy>/use")
def use_it(policy: UUID) -> Response:
    """Show code that calls it."""
    view = find(policy)
    samples = policy_pages.samples(view)
    wanted = request.args.get("language", "")
    sample = next((item for item in samples if item.id == wanted), samples[0])
    keys = policy_pages.count_keys(view)
    return policy_pages.page("policies/use_it.html", view, samples=samples, sample=sample, active_keys=keys)


def trial_page(
    view: PolicyView,
    typed: dict[str, Any],
    trial: policy_trial.Trial | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    """Return the page on which somebody is described, with what is decided for them."""
    return policy_pages.page(
        "policies/try_it.html",
        view,
        typed=typed,
        trial=trial,
        errors=errors or {},
        asked=policy_trial.asked(view, typed),
        choices=policy_trial.choices(),
        versions=policy_trial.versions(view),
        status=422 if errors else 200,
    )


def message(before: PolicyView, after: PolicyView) -> str:
    """Return what saving has done."""
    if after.version.number != before.version.number:
        return str(_("Saved as version %(number)d, which decides from now on.", number=after.version.number))
    if after.draft is not None and after.working_version.number != before.working_version.number:
        number = after.draft.number
        return str(_("Saved as a draft, version %(number)d. Calls are decided as before.", number=number))
    return str(_("Saved. What it decides has not changed."))
