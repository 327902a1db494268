"""Saved examples of an endpoint: kept, changed, and asked of its versions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, g, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app import repeats
from app.dashboard import example_form, forms, pages
from app.dashboard.auth import actor
from app.dashboard.endpoints import find
from app.dashboard.versions import label_of, standing_context
from app.domain.errors import Conflict, GatewayError, InvalidInput
from app.models import Example, Project
from app.services import endpoint_versions, example_runs, examples
from app.services.endpoint_versions import EndpointView
from app.services.example_runs import Standing

blueprint = Blueprint("examples", __name__, url_prefix="/w/<workspace>/endpoints/<uuid:endpoint_id>/examples")


@blueprint.get("")
def index(endpoint_id: UUID) -> Response:
    """List the examples with how a version answered them."""
    view, project = find(endpoint_id)
    standing = standing_of(view)
    rows = endpoint_versions.list_versions(actor(), g.workspace.id, view.endpoint.id, limit=100)
    return pages.page(
        "examples/index.html",
        view=view,
        project=project,
        versions=[(row.number, label_of(view, row)) for row in rows],
        **standing_context(standing, review=False),
    )


@blueprint.get("/new")
def new(endpoint_id: UUID) -> Response:
    """Show the form for a new example."""
    forms.require("editor")
    view, project = find(endpoint_id)
    return form_page("examples/new.html", view, project, {})


@blueprint.post("")
def create(endpoint_id: UUID) -> Response:
    """Save an example."""
    view, project = find(endpoint_id)
    try:
        fields = example_form.fields(view.working_config.variables)
        example = examples.create(actor(), g.workspace.id, view.endpoint.id, fields)
    except (InvalidInput, Conflict) as error:
        return form_page("examples/new.html", view, project, forms.typed(), error)
    return pages.see("examples.index", saved(example), endpoint_id=endpoint_id)


@blueprint.post("/keep")
def keep(endpoint_id: UUID) -> Response:
    """Save what was just tried as an example, named after its first words."""
    forms.require("editor")
    place = g.workspace.id, find(endpoint_id)[0].endpoint.id
    try:
        body = example_form.tried()
        name = examples.free_name(actor(), *place, examples.first_text(body))
        example = examples.create(actor(), *place, {"name": name, "body": body})
    except (InvalidInput, Conflict) as error:
        return pages.refuse("examples.index", error, endpoint_id=endpoint_id)
    message = _("Saved. Say what a good answer must be like.")
    return pages.see("examples.edit", message, endpoint_id=endpoint_id, example=example.id)


@blueprint.get("/<uuid:example>")
def edit(endpoint_id: UUID, example: UUID) -> Response:
    """Show the form of an example."""
    forms.require("editor")
    view, project = find(endpoint_id)
    found = find_example(endpoint_id, example)
    values = example_form.values_of(examples.as_fields(found))
    return form_page("examples/edit.html", view, project, values, example=found)


@blueprint.post("/<uuid:example>")
def update(endpoint_id: UUID, example: UUID) -> Response:
    """Change an example."""
    view, project = find(endpoint_id)
    found = find_example(endpoint_id, example)
    try:
        fields = example_form.fields(view.working_config.variables)
        examples.update(actor(), g.workspace.id, view.endpoint.id, found.id, fields)
    except (InvalidInput, Conflict) as error:
        return form_page("examples/edit.html", view, project, forms.typed(), error, found)
    return pages.see("examples.index", saved(found), endpoint_id=endpoint_id)


@blueprint.post("/<uuid:example>/delete")
def delete(endpoint_id: UUID, example: UUID) -> Response:
    """Remove an example."""
    examples.remove(actor(), g.workspace.id, str(endpoint_id), str(example))
    return pages.see("examples.index", _("The example is removed."), endpoint_id=endpoint_id)


@blueprint.post("/run")
def run(endpoint_id: UUID) -> Response:
    """Ask a version all examples, or those it has not answered; a part of the page asks for each in turn."""
    forms.require("editor")
    view, _project = find(endpoint_id)
    standing = standing_of(view)
    wanted = standing.to_run if forms.text("which") == "missing" else [r.example for r in standing.results]
    if not pages.is_part():
        repeats.run_examples(actor(), view.endpoint, standing.version, wanted)
        return back(view, standing)
    waiting = [example.id for example in wanted]
    return part("examples/_results.html", view, standing, waiting=waiting)


@blueprint.post("/<uuid:example>/run")
def run_one(endpoint_id: UUID, example: UUID) -> Response:
    """Ask a version one example."""
    forms.require("editor")
    view, _project = find(endpoint_id)
    found, standing = find_example(endpoint_id, example), standing_of(view)
    repeats.run_example(actor(), view.endpoint, standing.version, found)
    if not pages.is_part():
        return back(view, standing)
    after = standing_of(view)
    result = next(result for result in after.results if result.example.id == found.id)
    return part("examples/_ran.html", view, after, result=result)


def standing_of(view: EndpointView) -> Standing:
    """Return how the version of the address stands; without one, the version that is worked on."""
    number = request.args.get("version", type=int) or view.working_version.number
    return example_runs.standing(actor(), g.workspace.id, view.endpoint.id, number)


def part(template: str, view: EndpointView, standing: Standing, **more: Any) -> Response:
    """Return a part of a page that shows results."""
    context = standing_context(standing, review=request.args.get("review") == "1")
    html = render_template(template, view=view, **context, **more)
    return Response(html.strip(), mimetype="text/html")


def back(view: EndpointView, standing: Standing) -> Response:
    """Return to the page from which examples were run."""
    number = standing.version.number
    if request.args.get("review") == "1":
        return pages.see("versions.review", endpoint_id=view.endpoint.id, number=number)
    return pages.see("examples.index", endpoint_id=view.endpoint.id, version=number)


def find_example(endpoint_id: UUID, example: UUID) -> Example:
    """Return an example of the endpoint."""
    return examples.find(actor(), g.workspace.id, str(endpoint_id), str(example))


def form_page(
    template: str,
    view: EndpointView,
    project: Project,
    values: dict[str, Any],
    error: GatewayError | None = None,
    example: Example | None = None,
) -> Response:
    """Return the form with its values, and with what is wrong with them."""
    wrong = pages.errors_of(error) if isinstance(error, InvalidInput | Conflict) else {}
    return pages.page(
        template,
        view=view,
        project=project,
        values=values,
        errors=example_form.errors_of(wrong),
        variables=view.working_config.variables,
        variable=example_form.VARIABLE,
        options_of=example_form.options_of,
        guardrails=example_form.guardrails(),
        has_schema=view.working_config.output_schema is not None,
        example=example,
        status=422 if error else 200,
    )


def saved(example: Example) -> str:
    """Return what saving has done."""
    return str(_("The example “%(name)s” is saved.", name=example.name))
