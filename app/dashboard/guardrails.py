"""Guardrails of a workspace, a project and a key: one form, a text to try them with, and what they did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, g, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import endpoint_settings, forms, guardrail_form, guardrail_words, pages
from app.dashboard.auth import actor
from app.dashboard.guardrail_trial import tried
from app.dashboard.sections import guardrails as section
from app.domain.actors import at_least
from app.domain.errors import Conflict, InvalidInput
from app.domain.guardrails.levels import Level
from app.domain.guardrails.settings import Settings
from app.services import endpoints, guardrail_reports, guardrail_trials, keys, projects, workspaces
from app.services.endpoints import EndpointView

blueprint = Blueprint("guardrails", __name__, url_prefix="/w/<workspace>")
PERIODS = (7, 30)


@dataclass(frozen=True, slots=True)
class Page:
    """One level's page: its words, its addresses, what stands there and above, and who may change it."""

    name: str
    title: str
    lead: str
    action: str
    try_action: str
    back: str
    trail: list[tuple[str, str]]
    own: Settings
    above: list[Level]
    least: str  # role
    save: Callable[[Settings], object]
    past_action: str = ""  # shows what the rules as typed would have done
    passes_through: bool = False  # calls on the providers' own routes, but for locked rules

    @property
    def who_may(self) -> str:
        """Say who may change the rules."""
        if self.least == "admin":
            return str(_("You may look at these rules. Admins of the workspace can change them."))
        return str(_("You may look at these rules. Editors of the workspace can change them."))


@blueprint.get("/guardrails")
def edit() -> Response:
    """Show the workspace's guardrails."""
    return show(of_workspace())


@blueprint.post("/guardrails")
def update() -> Response:
    """Store the workspace's guardrails."""
    return store(of_workspace(), "guardrails.edit")


@blueprint.post("/guardrails/try")
def try_workspace() -> Response:
    """Put a text to the workspace's rules as typed."""
    return put(of_workspace())


@blueprint.get("/projects/<uuid:project>/guardrails")
def edit_project(project: UUID) -> Response:
    """Show a project's guardrails."""
    return show(of_project(project))


@blueprint.post("/projects/<uuid:project>/guardrails")
def update_project(project: UUID) -> Response:
    """Store a project's guardrails."""
    return store(of_project(project), "guardrails.edit_project", project=project)


@blueprint.post("/projects/<uuid:project>/guardrails/try")
def try_project(project: UUID) -> Response:
    """Put a text to a project's rules as typed."""
    return put(of_project(project))


@blueprint.get("/keys/<uuid:key>/guardrails")
def edit_key(key: UUID) -> Response:
    """Show a key's guardrails."""
    return show(of_key(key))


@blueprint.post("/keys/<uuid:key>/guardrails")
def update_key(key: UUID) -> Response:
    """Store a key's guardrails."""
    return store(of_key(key), "guardrails.edit_key", key=key)


@blueprint.post("/keys/<uuid:key>/guardrails/try")
def try_key(key: UUID) -> Response:
    """Put a text to a key's rules as typed."""
    return put(of_key(key))


@blueprint.post("/endpoints/<uuid:endpoint_id>/guardrails/try")
def try_endpoint(endpoint_id: UUID) -> Response:
    """Put a text to an endpoint's rules as typed."""
    forms.require("editor")
    view = endpoints.find(actor(), g.workspace.id, str(endpoint_id))
    return put_part(view.working_config.guardrails, section.above(view)) or shown_section(view)


@blueprint.get("/guardrails/report")
def report() -> Response:
    """Show how often each rule did something, lately."""
    days = 30 if request.args.get("days") == "30" else 7
    found = guardrail_reports.report(actor(), g.workspace.id, days)
    return pages.page("guardrails/report.html", report=found, days=days, words=guardrail_words)


def of_workspace() -> Page:
    """Return the workspace's page."""
    return Page(
        name="workspace",
        title=_("Guardrails"),
        lead=_("What may be said to the models and by them, in every project of this workspace."),
        action=url_for("guardrails.update"),
        try_action=url_for("guardrails.try_workspace"),
        back="",
        trail=[],
        own=g.workspace.guardrails,
        above=[],
        least="admin",
        save=lambda own: workspaces.update(actor(), g.workspace.id, {"guardrails": own}),
        past_action=url_for("what_ifs.try_workspace"),
    )


def of_project(project: UUID) -> Page:
    """Return a project's page."""
    found = projects.find(actor(), g.workspace.id, str(project))
    home = url_for("projects.show", project=found.id)
    return Page(
        name="project",
        title=_("Guardrails of %(name)s", name=found.name),
        lead=_("What holds for the endpoints and keys of this project, beside the rules of the workspace."),
        action=url_for("guardrails.update_project", project=found.id),
        try_action=url_for("guardrails.try_project", project=found.id),
        back=home,
        trail=[(_("Projects"), url_for("projects.index")), (found.name, home), (_("Guardrails"), "")],
        own=found.guardrails,
        above=guardrail_trials.above(actor(), g.workspace.id),
        least="editor",
        save=lambda own: projects.update(actor(), g.workspace.id, found.id, {"guardrails": own}),
        past_action=url_for("what_ifs.try_project", project=found.id),
        passes_through="proxy" in found.surfaces and not found.gateway.get("guard_passthrough"),
    )


def of_key(key: UUID) -> Page:
    """Return a key's page."""
    found = keys.find(actor(), g.workspace.id, str(key))
    project = projects.find(actor(), g.workspace.id, found.project_id)
    listed = url_for("keys.index", project=project.id)
    home = url_for("projects.show", project=project.id)
    names = [(_("Projects"), url_for("projects.index")), (project.name, home), (_("Keys"), listed)]
    return Page(
        name="key",
        title=_("Guardrails of the key %(name)s", name=found.name),
        lead=_(
            "What holds for calls with this key alone. It comes after the rules of the endpoint it calls."
        ),
        action=url_for("guardrails.update_key", key=found.id),
        try_action=url_for("guardrails.try_key", key=found.id),
        back=listed,
        trail=[*names, (found.name, "")],
        own=found.guardrails,
        above=guardrail_trials.above(actor(), g.workspace.id, project.id),
        least="editor",
        save=lambda own: keys.update(actor(), g.workspace.id, found.id, {"guardrails": own}),
    )


def store(level: Page, endpoint: str, **values: Any) -> Response:
    """Store what was typed, or show the form again with what is wrong."""
    try:
        level.save(guardrail_form.read(level.own, level.above))
    except (InvalidInput, Conflict) as error:
        return show(level, error)
    return pages.see(endpoint, _("Saved. It holds from the next call on."), **values)


def put(level: Page) -> Response:
    """Put a text to the rules as typed; nothing is stored."""
    forms.require("editor")
    return put_part(level.own, level.above) or show(level, typed=True, **tried(level.own, level.above))


def put_part(own: Settings, above: Sequence[Level]) -> Response | None:
    """Return what the rules say as a part of the page; None where a whole page is asked for."""
    part = "guardrails/_tried.html"
    if not pages.is_part():
        return None
    return pages.page(part, part=part, guard_words=guardrail_words, **tried(own, above))


def shown_section(view: EndpointView) -> Response:
    """Return the endpoint's section with what the rules say, for browsers without scripts."""
    project = projects.find(actor(), g.workspace.id, view.endpoint.project_id)
    trial = tried(view.working_config.guardrails, section.above(view))
    return endpoint_settings.page(section.section, view, project, section.typed(), **trial)


def show(
    level: Page, error: InvalidInput | Conflict | None = None, *, typed: bool = False, **trial: Any
) -> Response:
    """Return the form with its values, and with what is wrong with them."""
    own = guardrail_form.read(level.own, level.above) if typed or error else level.own
    return pages.page(
        "guardrails/edit.html",
        level=level,
        cards=guardrail_form.cards(own, level.above, can_lock=level.name != "key"),
        errors=pages.errors_of(error) if error else {},
        may_edit=at_least(g.role, level.least),
        status=422 if error else 200,
        **guardrail_form.context(),
        **trial,
    )
