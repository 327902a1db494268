"""What if: past requests put to a change before anybody saves it. Nothing is stored, nobody is asked."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, g, request, url_for
from werkzeug.wrappers import Response

from app.dashboard import (
    forms,
    guardrail_form,
    guardrails,
    pages,
    policy_form,
    receipt_words,
    what_if_form,
    what_if_words,
)
from app.dashboard.auth import actor
from app.dashboard.routing import choices
from app.domain import strict_yaml
from app.domain.errors import InvalidInput
from app.domain.what_ifs import CHANGES, USUAL
from app.models import Project
from app.services import policies, projects, what_ifs
from app.services.what_ifs import WhatIf

blueprint = Blueprint("what_ifs", __name__, url_prefix="/w/<workspace>/what-if")
MOST_SHOWN = 100
CHANGE = f"/<any({', '.join(CHANGES)}):change>"


@blueprint.get("")
def index() -> Response:
    """Show what can be changed."""
    return pages.page("what_ifs/index.html", changes=what_if_words.changes(), has_projects=bool(choices()))


@blueprint.get(CHANGE)
def show(change: str) -> Response:
    """Show the form of one change; filled in within the address, as viewers ask, what comes of it, too."""
    project = named_project()
    if project is None:
        return index()
    if "most" in request.args:
        return looked(change, project)
    return form_page(change, project, what_if_form.blank(change, project))


@blueprint.post(CHANGE)
def create(change: str) -> Response:
    """Show what would have happened."""
    project = named_project()
    return index() if project is None else looked(change, project)


def looked(change: str, project: Project) -> Response:
    """Return what would have happened by the form as typed."""
    values = request.values.to_dict()
    try:
        asked, proposal = what_if_form.asked(project), what_if_form.proposal(change, project)
        found = what_ifs.run(actor(), g.workspace.id, change, asked, proposal)
    except InvalidInput as error:
        return form_page(change, project, values, errors=pages.errors_of(error))
    return form_page(change, project, values, found=found)


@blueprint.post("/policies/<uuid:policy>")
def try_rules(policy: UUID) -> Response:
    """Show what the rules in a policy's form would have done, saved or not."""
    forms.require("editor")
    view = policies.find(actor(), g.workspace.id, str(policy))
    project = projects.find(actor(), g.workspace.id, view.policy.project_id)
    values: dict[str, Any] = {"version": "", "rules": "", "policy_key": view.policy.key}
    try:
        rules = policy_form.read()
        values["rules"] = strict_yaml.dump(rules)
        return answer("policy", project, {"rules": rules}, values)
    except InvalidInput as error:
        return form_page("policy", project, values, errors=pages.errors_of(error))


@blueprint.post("/workspace-guardrails")
def try_workspace() -> Response:
    """Show what the workspace's guardrails would have done as typed, in the likeliest project."""
    project = named_project()
    return index() if project is None else guarded(guardrails.of_workspace(), project)


@blueprint.post("/projects/<uuid:project>/guardrails")
def try_project(project: UUID) -> Response:
    """Show what a project's guardrails would have done as typed."""
    found = projects.find(actor(), g.workspace.id, str(project))
    return guarded(guardrails.of_project(project), found)


def guarded(level: guardrails.Page, project: Project) -> Response:
    """Return what the rules in a form of guardrails would have done, saved or not."""
    forms.require("editor")
    own = guardrail_form.read(level.own, level.above)
    values = {"level": level.name, "settings": strict_yaml.dump(own) if own else ""}
    try:
        return answer("guardrails", project, {"level": level.name, "guardrails": own}, values)
    except InvalidInput as error:
        return form_page("guardrails", project, values, errors=pages.errors_of(error))


def answer(change: str, project: Project, proposal: dict[str, Any], values: dict[str, Any]) -> Response:
    """Return what would have happened, for a form of another page; raise InvalidInput.

    With HTMX it is the element #what-if, else a whole page whose form holds `values`.
    """
    asked = {"project_id": project.id, "policy_key": values.get("policy_key", "")}
    found = what_ifs.run(actor(), g.workspace.id, change, asked, proposal)
    return form_page(change, project, {"most": USUAL, **values}, found=found)


def named_project() -> Project | None:
    """Return the project that the address names, else the likeliest; None where there is none."""
    named = request.args.get("project")
    if named:
        return projects.find(actor(), g.workspace.id, named)
    return next(iter(choices()), None)


def form_page(
    change: str,
    project: Project,
    values: dict[str, Any],
    *,
    found: WhatIf | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    """Return the form with what came of it, or only that."""
    shared: dict[str, Any] = {
        "change": change,
        "project": project,
        "found": found,
        "shown": shown(found) if found else [],
        "errors": errors or {},
        "words": what_if_words,
        "cost": receipt_words.cost,
        "status": 422 if errors else 200,
    }
    if (found or errors) and pages.is_part():
        return pages.page("what_ifs/_result.html", part="what_ifs/_result.html", **shared)
    more = what_if_form.context(change, project)
    return pages.page(
        "what_ifs/show.html", values=values, tabs=tabs(change), places=places(change), **more, **shared
    )


def shown(found: WhatIf) -> list[Any]:
    """Return the requests to list: first those that would have been different, each kind newest first."""
    return sorted(found.differences, key=lambda each: not each.changes)[:MOST_SHOWN]


def tabs(change: str) -> list[tuple[str, str, bool]]:
    """Return a tab for each change, on the same project."""
    project = request.args.get("project")
    return [
        (title, url_for("what_ifs.show", change=name, project=project), name == change)
        for name, title, _text, _icon in what_if_words.changes()
    ]


def places(change: str) -> list[tuple[str, str]]:
    """Return the projects to choose from, with the addresses of their forms."""
    return [(each.name, url_for("what_ifs.show", change=change, project=each.id)) for each in choices()]
