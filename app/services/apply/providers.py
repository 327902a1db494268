"""The providers of an apply file."""

from __future__ import annotations

from app.models import Provider
from app.services import providers
from app.services.apply.credentials import apply_credential
from app.services.apply.report import Item, Run, refusals_at


def apply_provider(run: Run, item: Item) -> None:
    """Bring one provider and its credentials to what the file says."""
    with refusals_at(item):
        provider = save(run, item)
    run.report.warn_if_off(item, provider.active)
    for credential in item.items("credentials", lambda fields: fields["name"].strip()):
        apply_credential(run, credential, provider, None)


def save(run: Run, item: Item) -> Provider:
    """Make or change the provider of that slug."""
    fields = item.only(providers.FIELDS)
    found = find(run, item.text("slug"))
    if found is None:
        run.report.note(item.path, created=True)
        return providers.create(run.actor, run.workspace_id, fields)
    before = providers.as_fields(found)
    after = providers.update(run.actor, run.workspace_id, found.id, fields)
    run.report.note(item.path, changed=providers.as_fields(after) != before)
    return after


def find(run: Run, slug: str) -> Provider | None:
    """Return the workspace's provider of that slug."""
    listed = providers.list_all(run.actor, run.workspace_id)
    return next((provider for provider in listed if provider.slug == slug), None)
