"""The credentials of an apply file, those of a provider and those of one project."""

from __future__ import annotations

from app.domain.fields import switch, text
from app.domain.providers import origin_of
from app.models import Credential, Provider
from app.services import credentials
from app.services.apply.report import Item, Run, refusals_at


def apply_credential(run: Run, item: Item, provider: Provider, project_id: str | None) -> None:
    """Make a credential, or give it another secret and switch it; what is right already stays untouched."""
    with refusals_at(item):
        found = find(run, provider, project_id, item.text("name"))
        row = found or create(run, item, provider, project_id)
        changed = replace_secret(run, item, row, provider) if found else False
        wanted = switch(item.fields, "active", row.active)
        if wanted != row.active:
            row, changed = credentials.set_active(run.actor, run.workspace_id, row.id, wanted), True
    run.report.note(item.path, created=found is None, changed=changed)
    run.report.warn_if_off(item, row.active)


def find(run: Run, provider: Provider, project_id: str | None, name: str) -> Credential | None:
    """Return the credential of that name, at that provider, for that project or for all."""
    listed = credentials.list_all(run.actor, run.workspace_id, provider.id)
    return next((row for row in listed if (row.name, row.project_id) == (name, project_id)), None)


def create(run: Run, item: Item, provider: Provider, project_id: str | None) -> Credential:
    """Add the credential."""
    fields = {"name": item.fields["name"], "secret": item.fields.get("secret"), "project_id": project_id}
    return credentials.create(run.actor, run.workspace_id, provider.id, fields)


def replace_secret(run: Run, item: Item, row: Credential, provider: Provider) -> bool:
    """Seal the file's secret where the row holds another one; say whether it did."""
    if item.fields.get("secret") is None:
        return False
    secret = text(item.fields, "secret", most=1_000, required=True)
    if row.sealed and row.origin == origin_of(provider.base_url) and credentials.holds(row, secret):
        return False
    return credentials.replace_secret(run.actor, run.workspace_id, row.id, secret)
