"""Playground: a signed-in person talks with any model of a project, or with several side by side."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, g, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from app import respond
from app.dashboard import model_words, pages, plugin_words
from app.dashboard.addresses import public_root
from app.dashboard.auth import actor
from app.domain.dialects import OPENAI
from app.domain.errors import GatewayError
from app.models import Project
from app.services import aliases, model_choices, plugin_settings, projects

blueprint = Blueprint("playground", __name__, url_prefix="/w/<workspace>/playground")


@blueprint.get("")
def index() -> BaseResponse:
    """Show the playground of the first project."""
    listed = choices()
    return project_page(listed[0]) if listed else pages.page("playground/none.html")


@blueprint.get("/<uuid:project>")
def show(project: UUID) -> BaseResponse:
    """Show a project's playground."""
    return project_page(projects.find(actor(), g.workspace.id, str(project)))


@blueprint.post("/<uuid:project>/chat")
def create(project: UUID) -> Response:
    """Answer one message, as an application of the project would be answered."""
    try:
        found = projects.find(actor(), g.workspace.id, str(project))
    except GatewayError as error:
        return respond.error_response(error, OPENAI)
    surface = "proxy" if "proxy" in found.surfaces else "any"  # who looks after a project may ask its models
    return respond.answer(
        respond.person_call(actor(), OPENAI, surface, project_id=found.id, names_model=True), OPENAI
    )


def project_page(project: Project) -> BaseResponse:
    """Return the page with what the project's models are called."""
    models, plugins = known_models(project.id), ready_plugins()
    return pages.page(
        "playground/show.html",
        project=project,
        tabs=[(p.name, url_for("playground.show", project=p.id), p.id == project.id) for p in choices()],
        models=models,
        is_ready=len(models) > 1,
        plugins=plugins,
        remembers=any(name == "memory" for name, *_rest in plugins),
        user=current_user.user.email,
        base_url=f"{public_root()}/v1",
    )


def ready_plugins() -> list[tuple[str, str, str]]:
    """Return the plugins that are set up and on."""
    views = plugin_settings.list_all(actor(), g.workspace.id)
    names = [view.plugin.name for view in views if view.state == "ready"]
    return [(name, str(plugin_words.WORDS[name].title), str(plugin_words.WORDS[name].what)) for name in names]


def choices() -> list[Project]:
    """Return the projects to choose from: those that are on, first those whose applications name models."""
    listed = [each for each in projects.list_all(actor(), g.workspace.id) if each.active]
    return sorted(listed, key=lambda each: "proxy" not in each.surfaces)


def known_models(project_id: str) -> list[tuple[str, str]]:
    """Return the names to pick from and what is said of each: `auto`, aliases, models that are ready."""
    found = [("auto", _("Sluice chooses the model"))]
    for view in aliases.list_all(actor(), g.workspace.id):
        if view.alias.active and (view.project is None or view.project.id == project_id):
            found.append((view.alias.name, _("alias of %(models)s", models=", ".join(view.alias.models))))
    for shelf in model_choices.list_shelves(actor(), g.workspace.id, project_id):
        if shelf.state == "ready":
            found += [
                (choice.model_id, f"{choice.facts.display_name} · {model_words.price(choice.facts)}")
                for choice in shelf.choices
                if choice.facts.modality == "text"
            ]
    return found
