"""The plugins of an apply file: how a workspace has set them up."""

from __future__ import annotations

from app.services import plugin_settings
from app.services.apply.report import Item, Run, refusals_at


def apply_plugin(run: Run, item: Item) -> None:
    """Bring one plugin to what the file says; what it leaves out stays."""
    options = {name: f"options.{name}" for name in item.fields.get("options") or {}}
    with refusals_at(item, {**options, "usd_per_image": "options.usd_per_image"}):
        fields = item.only(plugin_settings.FIELDS - {"forget_secret"})
        outcome = plugin_settings.set_up(run.actor, run.workspace_id, item.text("plugin"), fields)
        active = plugin_settings.find(run.actor, run.workspace_id, item.text("plugin")).state != "off"
    run.report.note(item.path, created=outcome == "created", changed=outcome == "changed")
    run.report.warn_if_off(item, active)
