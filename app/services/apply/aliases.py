"""The aliases of an apply file, told by their name."""

from __future__ import annotations

from app.domain import aliases as domain
from app.services import aliases
from app.services.apply.report import Item, Run, refusals_at


def apply_aliases(run: Run, item: Item, project_id: str | None = None) -> None:
    """Bring the aliases of the workspace, or of one project, to what the file says."""
    for alias in item.items("aliases", lambda fields: fields["name"].strip()):
        apply_alias(run, alias, project_id)


def apply_alias(run: Run, item: Item, project_id: str | None) -> None:
    """Make or change one alias; fields that the file leaves out stay as they are."""
    fields, name = item.only(domain.FIELDS), item.text("name")
    with refusals_at(item):
        rows = [found.alias for found in aliases.list_all(run.actor, run.workspace_id)]
        found = next((row for row in rows if (row.project_id, row.name) == (project_id, name)), None)
        before = aliases.as_fields(found) if found else None
        if found is None:
            after = aliases.create(run.actor, run.workspace_id, fields, project_id)
        else:
            after = aliases.update(run.actor, run.workspace_id, found.id, fields)
    run.report.note(item.path, created=found is None, changed=aliases.as_fields(after) != before)
    run.report.warn_if_off(item, after.active)
