"""Home: the first steps of a newcomer, then the last day in numbers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, redirect, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import books, entrance, home_words, pages
from app.dashboard.auth import actor
from app.domain.actors import at_least
from app.services import first_steps, providers, usage
from app.services.first_steps import FirstSteps

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
def start() -> Response:
    """Lead to the workspace used last; without any, to making the first one."""
    found = entrance.last_workspace()
    if found is not None:
        return redirect(url_for("home.index", workspace=found.slug), 303)
    if actor().is_operator:
        return redirect(url_for("workspaces.new"), 303)
    return pages.page("home/nowhere.html")


@blueprint.get("/w/<workspace>")
def index() -> Response:
    """Show the workspace's Home."""
    if session.get(entrance.LAST_WORKSPACE) != g.workspace.slug:
        session[entrance.LAST_WORKSPACE] = g.workspace.slug
    day = usage.last_day(actor(), g.workspace.id)
    views = providers.overview(actor(), g.workspace.id)
    looked = first_steps.look(actor(), g.workspace.id)
    shown = at_least(g.role, "editor") and not looked.all_done
    return pages.page(
        "home/index.html",
        part="home/_day.html",
        day=day,
        words=home_words,
        books=books.badge(),
        paused=[view.provider for view in views if view.state == "paused"],
        steps=steps(looked) if shown else [],
    )


def steps(done: FirstSteps) -> list[dict[str, Any]]:
    """Return the checklist; a step that the role does not allow has no link."""
    links = step_links(done)
    rows = (
        (
            done.tried,
            _("Try the demo endpoint"),
            _("Ask it something and watch the answer arrive. It needs no provider key."),
            _("Try it"),
        ),
        (
            done.provider,
            _("Add a provider"),
            _("OpenAI, Anthropic, Mistral, your own server: with its key, real models answer."),
            _("Add a provider"),
        ),
        (
            done.endpoint,
            _("Make your own endpoint"),
            _("A model, a prompt and an address of its own. You can change them later without a release."),
            _("Make an endpoint"),
        ),
        (
            done.key,
            _("Make a key"),
            _("Your application shows it with every call. It is shown to you once."),
            _("Make a key"),
        ),
        (
            done.called,
            _("Make the first call from code"),
            _("Copy a few lines of curl, Python or JavaScript, with your address already in them."),
            _("Show the code"),
        ),
    )
    names = ("done", "title", "text", "action", "href")
    return [dict(zip(names, (*row, link), strict=True)) for row, link in zip(rows, links, strict=True)]


def step_links(done: FirstSteps) -> tuple[str, ...]:
    """Return where each step is done; without the demo endpoint the projects are the place to start."""
    first, vendors = done.demo_endpoint, url_for("providers.new") if at_least(g.role, "admin") else ""
    if first is None:
        projects = url_for("projects.index")
        return (projects, vendors, projects, projects, projects)
    return (
        url_for("endpoints.try_it", endpoint_id=first.id),
        vendors,
        url_for("endpoints.new", project=first.project_id),
        url_for("keys.new", project=first.project_id),
        url_for("endpoints.use_it", endpoint_id=first.id),
    )
