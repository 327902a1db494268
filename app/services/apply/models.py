"""The models of an apply file: a workspace's own rows of the catalog, each taken whole."""

from __future__ import annotations

from app.services import model_rows
from app.services.apply.report import Item, Run, refusals_at


def apply_model(run: Run, item: Item) -> None:
    """Set one row."""
    with refusals_at(item):
        fields = item.only(model_rows.FIELDS)
        outcome = model_rows.set_row(run.actor, run.workspace_id, item.text("id"), fields)
    run.report.note(item.path, created=outcome == "created", changed=outcome == "changed")
