"""Endpoints: made, changed, tried, used and looked back on; one screen with tabs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, g, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import budget_words, endpoint_form, forms, model_words, pages
from app.dashboard.addresses import public_root
from app.dashboard.auth import actor
from app.dashboard.sections import SECTIONS
from app.domain.errors import Conflict, InvalidInput
from app.domain.questions import questions_of
from app.domain.snippets import Address, snippets
from app.domain.version_diffs import differences
from app.models import Project
from app.services import (
    call_counts,
    endpoints,
    keys,
    model_choices,
    projects,
    rollout_history,
)
from app.services.endpoint_versions import EndpointView

blueprint = Blueprint("endpoints", __name__, url_prefix="/w/<workspace>")


@blueprint.get("/projects/<uuid:project>/endpoints/new")
def new(project: UUID) -> Response:
    """Show the form for a new endpoint."""
    forms.require("editor")
    found = projects.find(actor(), g.workspace.id, str(project))
    return endpoint_form.page(found, endpoint_form.BLANK)


@blueprint.post("/projects/<uuid:project>/endpoints")
def create(project: UUID) -> Response:
    """Make an endpoint and lead to its page."""
    found = projects.find(actor(), g.workspace.id, str(project))
    try:
        view = endpoints.create(actor(), g.workspace.id, found.id, endpoint_form.fields())
    except (InvalidInput, Conflict) as error:
        return endpoint_form.page(found, forms.typed(), error)
    message = _("“%(name)s” is ready to answer.", name=view.endpoint.name)
    return pages.see("endpoints.show", message, endpoint_id=view.endpoint.id)


@blueprint.get("/endpoints/<uuid:endpoint_id>")
def show(endpoint_id: UUID) -> Response:
    """Show where the endpoint is called, who answers, and what to do next."""
    view, project = find(endpoint_id)
    activity = call_counts.of_endpoint(actor(), g.workspace.id, view.endpoint.id)
    return pages.page(
        "endpoints/show.html",
        view=view,
        project=project,
        words=model_words,
        address=address_of(view),
        chain=model_choices.chain(actor(), g.workspace.id, project.id, view.config),
        activity=activity,
        steps=next_steps(view, activity),
        budgets=budget_words.block("endpoint", view.endpoint.id),
        budget_words=budget_words,
        sections=SECTIONS,
        drafted=differences(view.config, view.working_config),
        rollout=rollout_history.current(actor(), g.workspace.id, "endpoint", view.endpoint.id),
    )


@blueprint.get("/endpoints/<uuid:endpoint_id>/try")
def try_it(endpoint_id: UUID) -> Response:
    """Show the panel that calls the endpoint."""
    forms.require("editor")
    view, project = find(endpoint_id)
    return pages.page("endpoints/try_it.html", view=view, project=project, asks=questions_of)


@blueprint.get("/endpoints/<uuid:endpoint_id>/use")
def use_it(endpoint_id: UUID) -> Response:
    """Show code that calls the endpoint."""
    view, project = find(endpoint_id)
    streamed = view.config.streams and request.args.get("stream") == "1"
    samples = snippets(address_of(view), stream=streamed, asks=questions_of(view.config))
    wanted = request.args.get("language", "")
    sample = next((item for item in samples if item.id == wanted), samples[0])
    return pages.page(
        "endpoints/use_it.html",
        part="endpoints/_sample.html",
        view=view,
        project=project,
        samples=samples,
        sample=sample,
        streamed=streamed,
        active_keys=count_keys(project),
        form_address=f"{public_root()}/try/{project.id}/{view.endpoint.slug}",
    )


@blueprint.post("/endpoints/<uuid:endpoint_id>/duplicate")
def duplicate(endpoint_id: UUID) -> Response:
    """Make a copy and open it for editing."""
    copy = endpoints.duplicate(actor(), g.workspace.id, str(endpoint_id))
    message = _("This is the copy, called “%(slug)s”. Change what you like.", slug=copy.endpoint.slug)
    return pages.see("endpoint_settings.edit", message, endpoint_id=copy.endpoint.id, section="details")


@blueprint.post("/endpoints/<uuid:endpoint_id>/active")
def switch(endpoint_id: UUID) -> Response:
    """Switch an endpoint on or off."""
    active = forms.text("active") == "1"
    endpoints.set_active(actor(), g.workspace.id, str(endpoint_id), active)
    message = _("It answers calls again.") if active else _("It is switched off: calls get “not found”.")
    return pages.see("endpoints.show", message, endpoint_id=endpoint_id)


def find(endpoint_id: UUID) -> tuple[EndpointView, Project]:
    """Return an endpoint and its project."""
    view = endpoints.find(actor(), g.workspace.id, str(endpoint_id))
    return view, projects.find(actor(), g.workspace.id, view.endpoint.project_id)


def address_of(view: EndpointView) -> Address:
    """Return where the endpoint is called."""
    return Address(public_root(), view.endpoint.project_id, view.endpoint.slug)


def count_keys(project: Project) -> int:
    """Return how many keys of the project are in force."""
    rows = keys.list_all(actor(), g.workspace.id, project.id)
    return sum(keys.state_of(key) == "active" for key in rows)


def next_steps(view: EndpointView, activity: call_counts.Activity) -> list[dict[str, Any]]:
    """Return the way from a new endpoint to a call from code; empty once it has been walked."""
    endpoint = view.endpoint
    has_key = activity.called_by_key or any(
        keys.state_of(key) == "active" for key in keys.list_all(actor(), g.workspace.id, endpoint.project_id)
    )
    if activity.called_by_key:
        return []
    return [
        {
            "title": _("Try it"),
            "text": _("Send it a message here and read the answer."),
            "done": activity.tried,
            "href": url_for("endpoints.try_it", endpoint_id=endpoint.id),
            "action": _("Try it"),
        },
        {
            "title": _("Make a key"),
            "text": _("Your application shows it to be let in."),
            "done": has_key,
            "href": url_for("keys.new", project=endpoint.project_id, for_endpoint=endpoint.id),
            "action": _("Make a key"),
        },
        {
            "title": _("Use it"),
            "text": _("Copy code that calls it: curl, Python, JavaScript or an OpenAI SDK."),
            "done": False,
            "href": url_for("endpoints.use_it", endpoint_id=endpoint.id),
            "action": _("Show the code"),
        },
    ]
