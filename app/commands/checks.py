"""Asks a version of an endpoint its saved examples: a check for scripts, before something is published."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click
from flask.cli import with_appcontext

from app import repeats
from app.commands.files import print_json
from app.domain.actors import SYSTEM
from app.domain.errors import InvalidInput, NotFound
from app.models import ExampleRun
from app.services import endpoint_versions, endpoints, examples, projects, workspaces
from app.services.endpoint_versions import EndpointView


@click.command("check")
@click.argument("endpoint")
@click.option("--workspace", metavar="NAME", help="Only in this workspace.")
@click.option("--project", metavar="NAME", help="Only in this project.")
@click.option("--version", "number", type=int, help="This version; else the draft, or what answers now.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@with_appcontext
def check(
    endpoint: str, workspace: str | None, project: str | None, number: int | None, as_json: bool
) -> None:
    """Ask ENDPOINT, told by its slug, all its saved examples. Each is a real call and costs what calls cost.

    Exit code 0: every answer is as expected; 1: one is not.
    """
    view = only_one(endpoint, list(found(endpoint, workspace, project)))
    place = view.endpoint.workspace_id, view.endpoint.id
    version = endpoint_versions.find_version(SYSTEM, *place, number or view.working_version.number)
    listed = examples.list_all(SYSTEM, *place)
    runs = repeats.run_examples(SYSTEM, view.endpoint, version, listed)
    results = [(example.name, run) for example, run in zip(listed, runs, strict=True)]
    if as_json:
        print_json(as_dict(view, version.number, results))
    else:
        show(view, version.number, results)
    if not all(run.passed for _name, run in results):
        sys.exit(1)


def found(slug: str, workspace: str | None, project: str | None) -> Iterator[tuple[str, EndpointView]]:
    """Yield the endpoints of that slug with where they stand."""
    for home in workspaces.list_all(SYSTEM):
        if workspace not in (None, home.name):
            continue
        for row in projects.list_all(SYSTEM, home.id):
            if project not in (None, row.name):
                continue
            for view in endpoints.list_all(SYSTEM, home.id, row.id):
                if view.endpoint.slug == slug:
                    yield f"{home.name}/{row.name}", view


def only_one(slug: str, views: list[tuple[str, EndpointView]]) -> EndpointView:
    """Return the endpoint that is meant; raise when it is none, or could be several."""
    if not views:
        raise NotFound(f"There is no endpoint '{slug}'.")
    if len(views) > 1:
        places = ", ".join(place for place, _view in views)
        raise InvalidInput(f"'{slug}' stands in {places}. Name its --workspace and --project.")
    return views[0][1]


def as_dict(view: EndpointView, number: int, results: list[tuple[str, ExampleRun]]) -> dict[str, object]:
    """Return the results as JSON values."""
    told = [
        {"example": name, "passed": run.passed, "complaints": run.complaints, **run.measured}
        for name, run in results
    ]
    is_ok = all(run.passed for _name, run in results)
    return {"ok": is_ok, "endpoint": view.endpoint.slug, "version": number, "examples": told}


def show(view: EndpointView, number: int, results: list[tuple[str, ExampleRun]]) -> None:
    """Print each example and what is wrong with its answer."""
    for name, run in results:
        click.echo(f"{'passes' if run.passed else 'FAILS':<7} {name}")
        for text in run.complaints:
            click.echo(f"        {text}")
    failed = sum(not run.passed for _name, run in results)
    what = f"{view.endpoint.slug}, version {number}"
    if not results:
        click.echo(f"{what}: no examples are saved.")
    else:
        click.echo(f"{what}: {failed} of {len(results)} fail." if failed else f"{what}: all pass.")
