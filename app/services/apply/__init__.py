"""`apply`: brings workspaces to what a file says, all in one transaction. What it does not name stays."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.apply_file import Document
from app.domain.errors import NotAllowed
from app.services import workspaces
from app.services.apply import (
    accounts,
    alerts,
    aliases,
    budgets,
    members,
    models,
    plans,
    plugins,
    projects,
    providers,
    prune,
)
from app.services.apply.prune import PruneNeedsYes
from app.services.apply.report import Item, Report, Run, refusals_at

__all__ = ["PruneNeedsYes", "Report", "apply"]


def apply(
    actor: Actor, document: Document, *, timezone: str = "UTC", prune_rest: bool = False, yes: bool = False
) -> Report:
    """Do what the document says and report it; `timezone` is for new workspaces. System only.

    `prune_rest` also switches off what is not named; without `yes` it raises PruneNeedsYes instead, and
    then nothing at all was changed.
    """
    if actor.kind != "system":
        raise NotAllowed

    def work(_session: Session) -> Report:
        report = Report()
        plans.apply_plans(actor, report, document.get("plans", []))
        runs = [apply_workspace(actor, report, item, timezone) for item in workspace_items(document)]
        if prune_rest:
            prune.prune(report, runs, yes=yes)
        return report

    return database.transaction(work)


def workspace_items(document: Document) -> list[Item]:
    """Return the workspaces of the file."""
    listed = document.get("workspaces", [])
    return [Item(fields, f"workspaces[{n}]", fields["name"].strip()) for n, fields in enumerate(listed)]


def apply_workspace(actor: Actor, report: Report, item: Item, timezone: str) -> Run:
    """Bring one workspace and everything in it to what the file says."""
    with refusals_at(item):
        workspace_id = find_or_create(actor, report, item, {"timezone": timezone})
    run = Run(actor, report, workspace_id, item.path)
    alerts.apply_alerts(run, item)
    accounts.apply_account(run, item)
    for sub_account in item.items("sub_accounts", lambda fields: fields["name"].strip()):
        accounts.apply_sub_account(run, sub_account)
    for member in item.items("members", lambda fields: fields["email"].strip().lower()):
        members.apply_member(run, member)
    for provider in item.items("providers", lambda fields: fields["slug"].strip()):
        providers.apply_provider(run, provider)
    for model in item.items("models", lambda fields: fields["id"].strip()):
        models.apply_model(run, model)
    aliases.apply_aliases(run, item)
    for plugin in item.items("plugins", lambda fields: fields["plugin"].strip()):
        plugins.apply_plugin(run, plugin)
    for project in item.items("projects", lambda fields: (fields.get("name") or fields["uuid"]).strip()):
        projects.apply_project(run, project)
    alerts.apply_rules(run, item)
    for webhook in item.items("webhooks", lambda fields: fields["name"].strip()):
        alerts.apply_webhook(run, webhook)
    budgets.of_account(run, item)
    return run


def find_or_create(actor: Actor, report: Report, item: Item, defaults: dict[str, Any]) -> str:
    """Return the id of the workspace of that name."""
    fields = item.only(workspaces.FIELDS)
    found = workspaces.get_by_name(actor, item.path)
    if found is None:
        report.note(item.path, created=True)
        return workspaces.create(actor, {**defaults, **fields}).id
    before = workspaces.as_fields(found)
    after = workspaces.as_fields(workspaces.update(actor, found.id, fields))
    report.note(item.path, changed=after != before)
    return found.id
