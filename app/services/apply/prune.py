"""`apply --prune`: switches off what the file does not name, in the workspaces that it does name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from app.domain.errors import InvalidInput
from app.services import (
    alert_rules,
    aliases,
    budgets,
    credentials,
    endpoints,
    examples,
    keys,
    model_rows,
    plugin_settings,
    policies,
    projects,
    providers,
    sub_accounts,
    webhooks,
)
from app.services.apply.report import Report, Run

Step = tuple[str, Callable[[], object]]  # a path and what is done to it


class PruneNeedsYes(InvalidInput):
    """There is something to prune, and nobody said yes; `paths` are what it is."""

    def __init__(self, paths: list[str]) -> None:
        super().__init__("Nothing was changed. Add --yes to prune what is listed.")
        self.paths = paths


def prune(report: Report, runs: Sequence[Run], *, yes: bool) -> None:
    """Switch off everything in these workspaces that the file did not name; raise without `yes`."""
    named = report.named()
    steps = [step for run in runs for step in steps_of(run, named) if step[0] not in named]
    paths = [path for path, _ in steps]
    if steps and not yes:
        raise PruneNeedsYes(paths)
    for _, do in steps:
        do()
    report.pruned = paths


def steps_of(run: Run, named: set[str]) -> Iterator[Step]:
    """Yield what could be switched off in one workspace."""
    yield from provider_steps(run, named)
    yield from model_steps(run)
    yield from alias_steps(run, named)
    yield from plugin_steps(run)
    yield from project_steps(run, named)
    yield from alert_steps(run)
    yield from sub_account_steps(run)
    yield from budget_steps(run, named)


def provider_steps(run: Run, named: set[str]) -> Iterator[Step]:
    """Yield the active providers and, at those the file names, the active credentials of the workspace."""
    for provider in providers.list_all(run.actor, run.workspace_id):
        path = f"{run.path}/providers/{provider.slug}"
        if provider.active:
            yield path, partial(providers.set_active, run.actor, run.workspace_id, provider.id, False)
        if path not in named:
            continue
        for row in credentials.list_all(run.actor, run.workspace_id, provider.id):
            if row.active and row.project_id is None:
                yield f"{path}/credentials/{row.name}", credential_step(run, row.id)


def credential_step(run: Run, credential_id: str) -> Callable[[], object]:
    """Return what switches a credential off."""
    return partial(credentials.set_active, run.actor, run.workspace_id, credential_id, False)


def model_steps(run: Run) -> Iterator[Step]:
    """Yield the workspace's own model rows."""
    for row in model_rows.list_rows(run.actor, run.workspace_id):
        remove = partial(model_rows.remove_row, run.actor, run.workspace_id, row.model_id)
        yield f"{run.path}/models/{row.model_id}", remove


def alias_steps(run: Run, named: set[str]) -> Iterator[Step]:
    """Yield the active aliases of the workspace and of the projects that the file names."""
    for found in aliases.list_all(run.actor, run.workspace_id):
        under = run.path if found.project is None else f"{run.path}/projects/{found.project.name}"
        if found.alias.active and (found.project is None or under in named):
            fields = {"active": False}
            switch_off = partial(aliases.update, run.actor, run.workspace_id, found.alias.id, fields)
            yield f"{under}/aliases/{found.alias.name}", switch_off


def plugin_steps(run: Run) -> Iterator[Step]:
    """Yield the plugins that are switched on."""
    for view in plugin_settings.list_all(run.actor, run.workspace_id):
        if view.row is not None and view.row.active:
            fields, name = {"active": False}, view.plugin.name
            switch_off = partial(plugin_settings.set_up, run.actor, run.workspace_id, name, fields)
            yield f"{run.path}/plugins/{name}", switch_off


def project_steps(run: Run, named: set[str]) -> Iterator[Step]:
    """Yield the active projects and, in those the file names, what is active in them."""
    slugs = {row.id: row.slug for row in providers.list_all(run.actor, run.workspace_id)}
    for project in projects.list_all(run.actor, run.workspace_id):
        path = f"{run.path}/projects/{project.name}"
        if project.active:
            fields = {"active": False}
            yield path, partial(projects.update, run.actor, run.workspace_id, project.id, fields)
        if path in named:
            yield from credentials_of(run, project.id, path, slugs)
            yield from endpoints_of(run, project.id, path, named)
            yield from policies_of(run, project.id, path)
            yield from keys_of(run, project.id, path)


def alert_steps(run: Run) -> Iterator[Step]:
    """Yield the alert rules and the workspace's own webhooks that are switched on."""
    off = {"active": False}
    for view in alert_rules.list_all(run.actor, run.workspace_id):
        if view.row.active:
            switch_off = partial(alert_rules.update, run.actor, run.workspace_id, view.row.id, off)
            yield f"{run.path}/alerts/rules/{view.row.name}", switch_off
    for row in webhooks.list_all(run.actor, run.workspace_id):
        if row.active and row.project_id is None:
            yield (
                f"{run.path}/webhooks/{row.name}",
                partial(webhooks.update, run.actor, run.workspace_id, row.id, off),
            )


def sub_account_steps(run: Run) -> Iterator[Step]:
    """Yield the active sub-accounts."""
    for account in sub_accounts.list_all(run.actor, run.workspace_id):
        if account.active:
            fields = {"active": False}
            switch_off = partial(sub_accounts.update, run.actor, run.workspace_id, account.id, fields)
            yield f"{run.path}/sub_accounts/{account.name}", switch_off


def budget_steps(run: Run, named: set[str]) -> Iterator[Step]:
    """Yield the active budgets of the workspace and of what the file names in it."""
    for shown in budgets.status(run.actor, run.workspace_id, plans=False):
        stands_under = f"{run.path}{shown.scope.path}"
        if shown.budget.active and stands_under in named:
            fields = {"active": False}
            switch_off = partial(budgets.update_caps, run.actor, run.workspace_id, shown.budget.id, fields)
            yield f"{stands_under}/budgets/{shown.budget.period}", switch_off


def credentials_of(run: Run, project_id: str, path: str, slugs: dict[str, str]) -> Iterator[Step]:
    """Yield the project's own active credentials."""
    for row in credentials.list_all(run.actor, run.workspace_id):
        if row.active and row.project_id == project_id:
            yield f"{path}/credentials/{slugs[row.provider_id]}/{row.name}", credential_step(run, row.id)


def endpoints_of(run: Run, project_id: str, path: str, named: set[str]) -> Iterator[Step]:
    """Yield the project's active endpoints and, of those the file names, the saved examples."""
    for view in endpoints.list_all(run.actor, run.workspace_id, project_id):
        if view.endpoint.active:
            switch_off = partial(endpoints.set_active, run.actor, run.workspace_id, view.endpoint.id, False)
            yield f"{path}/endpoints/{view.endpoint.slug}", switch_off
        if f"{path}/endpoints/{view.endpoint.slug}" in named:
            yield from examples_of(run, view.endpoint.id, f"{path}/endpoints/{view.endpoint.slug}")


def policies_of(run: Run, project_id: str, path: str) -> Iterator[Step]:
    """Yield the project's active policies."""
    for view in policies.list_all(run.actor, run.workspace_id, project_id):
        if view.policy.active:
            switch_off = partial(policies.set_active, run.actor, run.workspace_id, view.policy.id, False)
            yield f"{path}/policies/{view.policy.key}", switch_off


def examples_of(run: Run, endpoint_id: str, path: str) -> Iterator[Step]:
    """Yield the endpoint's saved examples."""
    place = run.workspace_id, endpoint_id
    for example in examples.list_all(run.actor, *place):
        yield f"{path}/examples/{example.name}", partial(examples.remove, run.actor, *place, example.id)


def keys_of(run: Run, project_id: str, path: str) -> Iterator[Step]:
    """Yield the project's keys that are not revoked; those that another key made go with it."""
    for key in keys.list_all(run.actor, run.workspace_id, project_id):
        if key.revoked_at is None and key.parent_id is None:
            yield f"{path}/keys/{key.name}", partial(keys.revoke, run.actor, run.workspace_id, key.id)
