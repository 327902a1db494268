"""The budgets of an apply file: each stands under what it limits, and is told by its period."""

from __future__ import annotations

from app.domain import budgets as domain
from app.models import Project
from app.services import budget_scopes, budgets, endpoints, keys
from app.services.apply.report import Item, Run, refusals_at


def apply_budgets(run: Run, item: Item, scope_type: str, scope_id: str) -> None:
    """Bring the budgets of one scope to what the file says."""
    for budget in item.items("budgets", lambda fields: fields["period"].strip()):
        apply_budget(run, budget, (scope_type, scope_id))


def apply_budget(run: Run, item: Item, scope: tuple[str, str]) -> None:
    """Make or change one budget; fields that the file leaves out stay as they are."""
    fields, period = item.only(domain.FIELDS), item.text("period")
    with refusals_at(item):
        shown = budgets.status(run.actor, run.workspace_id, scope)
        found = next((each.budget for each in shown if each.budget.period == period), None)
        before = budgets.as_fields(found) if found else None
        if found is None:
            after = budgets.create(run.actor, run.workspace_id, scope, period, fields)
        else:
            after = budgets.update_caps(run.actor, run.workspace_id, found.id, fields)
    run.report.note(item.path, created=found is None, changed=budgets.as_fields(after) != before)
    run.report.warn_if_off(item, after.active)


def of_account(run: Run, item: Item) -> None:
    """Bring the budgets of the workspace's own account to what the file says."""
    if item.fields.get("budgets"):
        apply_budgets(run, item, "account", budget_scopes.root(run.actor, run.workspace_id).id)


def of_endpoint(run: Run, item: Item, project: Project) -> None:
    """Bring the budgets of one endpoint to what the file says."""
    if item.fields.get("budgets"):
        views = endpoints.list_all(run.actor, run.workspace_id, project.id)
        found = next(view.endpoint for view in views if view.endpoint.slug == item.text("slug"))
        apply_budgets(run, item, "endpoint", found.id)


def of_key(run: Run, item: Item, project: Project) -> None:
    """Bring the budgets of one key to what the file says; a key that is never made has none."""
    if item.fields.get("budgets"):
        rows = keys.list_all(run.actor, run.workspace_id, project.id)
        found = next((row for row in rows if row.name == item.text("name")), None)
        if found is not None:
            apply_budgets(run, item, "key", found.id)
