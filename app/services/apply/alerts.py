"""The alerts of an apply file: who gets a workspace's mails, and which kinds are not mailed."""

from __future__ import annotations

from app.services import alert_settings
from app.services.apply.report import Item, Run, refusals_at


def apply_alerts(run: Run, item: Item) -> None:
    """Bring the workspace's alert settings to what the file says, if it says anything."""
    fields = item.fields.get("alerts")
    if fields is None:
        return
    here = Item(fields, f"{item.place}.alerts", f"{item.path}/alerts")
    with refusals_at(here):
        run.report.note(here.path, changed=alert_settings.update(run.actor, run.workspace_id, fields))
