"""The alerts of an apply file: who gets a workspace's mails, the rules that alert, and its webhooks."""

from __future__ import annotations

from app.domain.fields import text
from app.domain.webhooks import FIELDS
from app.services import alert_rules, alert_settings, webhooks
from app.services.apply.report import Item, Run, refusals_at


def apply_alerts(run: Run, item: Item) -> None:
    """Bring the workspace's alert settings to what the file says, if it says anything."""
    here = section(item)
    if here is None:
        return
    with refusals_at(here):
        fields = here.only(alert_settings.FIELDS)
        run.report.note(here.path, changed=alert_settings.update(run.actor, run.workspace_id, fields))


def section(item: Item) -> Item | None:
    """Return what the file says of the workspace's alerts."""
    fields = item.fields.get("alerts")
    return None if fields is None else Item(fields, f"{item.place}.alerts", f"{item.path}/alerts")


def apply_rules(run: Run, item: Item) -> None:
    """Bring the rules that alert to what the file says: after all that they may watch."""
    here = section(item)
    for rule in here.items("rules", lambda fields: fields["name"].strip()) if here else ():
        apply_rule(run, rule)


def apply_rule(run: Run, item: Item) -> None:
    """Make a rule, or change it."""
    with refusals_at(item):
        listed = alert_rules.list_all(run.actor, run.workspace_id)
        found = next((view.row for view in listed if view.row.name == item.text("name")), None)
        if found is None:
            made = alert_rules.create(run.actor, run.workspace_id, item.fields)
            run.report.note(item.path, created=True)
            run.report.warn_if_off(item, made.row.active)
            return
        before = alert_rules.as_fields(found)
        after = alert_rules.update(run.actor, run.workspace_id, found.id, item.fields).row
    run.report.note(item.path, changed=before != alert_rules.as_fields(after))
    run.report.warn_if_off(item, after.active)


def apply_webhook(run: Run, item: Item) -> None:
    """Make a webhook, or change it and its secret; one that is minted here is reported this once."""
    with refusals_at(item):
        listed = webhooks.list_all(run.actor, run.workspace_id)
        found = next((row for row in listed if row.name == item.text("name")), None)
        secret = text(item.fields, "secret", most=200)
        fields = item.only(FIELDS)
        if found is None:
            made = webhooks.create(run.actor, run.workspace_id, fields, secret)
            run.report.note(item.path, created=True)
            if not secret:
                told = {"workspace": run.path, "name": made.webhook.name, "secret": made.secret}
                run.report.webhooks.append(told)
            return
        before = webhooks.as_fields(found)
        after = webhooks.as_fields(webhooks.update(run.actor, run.workspace_id, found.id, fields))
        rotated = bool(secret) and not webhooks.holds(found, secret)
        if rotated:
            webhooks.replace_secret(run.actor, run.workspace_id, found.id, secret)
    run.report.note(item.path, changed=rotated or before != after)
    run.report.warn_if_off(item, after["active"])
