"""The projects of an apply file, with what is in them: credentials, endpoints, policies, keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.domain.errors import InvalidInput
from app.models import Project
from app.services import projects
from app.services.apply import budgets
from app.services.apply.aliases import apply_aliases
from app.services.apply.credentials import apply_credential
from app.services.apply.endpoints import apply_endpoint
from app.services.apply.keys import apply_key
from app.services.apply.policies import apply_policies
from app.services.apply.providers import find as find_provider
from app.services.apply.report import Item, Run, refusals_at


def apply_project(run: Run, item: Item) -> None:
    """Bring one project and what is in it to what the file says."""
    with refusals_at(item):
        project = save(run, item)
    here = replace(item, path=path_of(run, project))
    run.report.projects[here.path] = project.id
    run.report.warn_if_off(here, project.active)
    apply_aliases(run, here, project.id)
    for credential in here.items("credentials", lambda f: f"{f['provider'].strip()}/{f['name'].strip()}"):
        apply_own_credential(run, credential, project)
    for endpoint in here.items("endpoints", lambda fields: fields["slug"].strip()):
        apply_endpoint(run, endpoint, project)
        budgets.of_endpoint(run, endpoint, project)
    apply_policies(run, here, project)
    for key in here.items("keys", lambda fields: fields["name"].strip()):
        apply_key(run, key, project)
        budgets.of_key(run, key, project)
    budgets.apply_budgets(run, here, "project", project.id)


def save(run: Run, item: Item) -> Project:
    """Make or change the project of that uuid or name."""
    fields = fields_of(item)
    found = find(run, item)
    if found is None:
        made = projects.create(run.actor, run.workspace_id, fields, item.text("uuid").lower() or None)
        run.report.note(path_of(run, made), created=True)
        return made
    before = projects.as_fields(found)
    after = projects.update(run.actor, run.workspace_id, found.id, fields)
    run.report.note(path_of(run, after), changed=projects.as_fields(after) != before)
    return after


def path_of(run: Run, project: Project) -> str:
    """Return the project's path in the report: by name, also where the file has only its uuid."""
    return f"{run.path}/projects/{project.name}"


def find(run: Run, item: Item) -> Project | None:
    """Return the workspace's project: by its uuid where the file has one, else by its name."""
    uuid, name = item.text("uuid").lower(), item.text("name")
    listed = projects.list_all(run.actor, run.workspace_id)
    return next((row for row in listed if (row.id == uuid if uuid else row.name == name)), None)


def fields_of(item: Item) -> dict[str, Any]:
    """Return the service's fields; `mode` is short for one surface."""
    fields = item.only(projects.FIELDS)
    if "mode" not in item.fields:
        return fields
    if "surfaces" in fields:
        raise InvalidInput("Say mode or surfaces, not both.", param="mode")
    if item.fields["mode"] not in projects.SURFACES:
        raise InvalidInput(f"Choose from: {', '.join(projects.SURFACES)}.", param="mode")
    return {**fields, "surfaces": [item.fields["mode"]]}


def apply_own_credential(run: Run, item: Item, project: Project) -> None:
    """Bring one credential that only this project uses to what the file says."""
    with refusals_at(item):
        provider = find_provider(run, item.text("provider"))
        if provider is None:
            raise InvalidInput("There is no such provider in this workspace.", param="provider")
    apply_credential(run, item, provider, project.id)
