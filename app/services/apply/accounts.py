"""The accounts of an apply file: how a workspace pays, its plan, a top-up, and its sub-accounts."""

from __future__ import annotations

from app.domain.accounts import FIELDS, SUB_FIELDS
from app.domain.errors import InvalidInput
from app.models import Account
from app.services import accounts, billing, credits, sub_accounts
from app.services.apply.budgets import apply_budgets
from app.services.apply.report import Item, Run, refusals_at


def apply_account(run: Run, item: Item) -> None:
    """Bring the workspace's own account to what the file says of it, if it says anything."""
    here = Item(item.fields.get("account", {}), f"{item.place}.account", f"{item.path}/account")
    if not item.fields.keys() & {"plan", "account"}:
        return
    before = accounts.as_fields(accounts.find(run.actor, run.workspace_id))
    with refusals_at(here):
        after = billing.update(run.actor, run.workspace_id, here.only(FIELDS))
    with refusals_at(item):
        after = billing.update(run.actor, run.workspace_id, item.only(frozenset({"plan"})))
    run.report.note(here.path, changed=accounts.as_fields(after) != before)
    if here.fields.keys() & {"top_up_usd", "top_up_ref"}:
        with refusals_at(here, {"usd": "top_up_usd", "ref": "top_up_ref"}):
            top_up(run, here)


def top_up(run: Run, item: Item) -> None:
    """Credit the payment that the file names, unless it was credited before."""
    if not item.fields.get("top_up_ref"):
        raise InvalidInput("Give the top-up a name of its own, so that it is credited once.", param="ref")
    count = accounts.find(run.actor, run.workspace_id).account.ledger_count
    fields = {"usd": item.fields.get("top_up_usd"), "ref": item.fields["top_up_ref"]}
    entry = credits.top_up(run.actor, run.workspace_id, fields)
    run.report.note(f"{item.path}/top_up/{entry.ref}", created=entry.number > count)


def apply_sub_account(run: Run, item: Item) -> None:
    """Make or change one sub-account, with its budgets."""
    with refusals_at(item):
        found = find(run, item.text("name"))
        before = sub_accounts.as_fields(found) if found else None
        fields = item.only(SUB_FIELDS)
        if found is None:
            after = sub_accounts.create(run.actor, run.workspace_id, fields)
        else:
            after = sub_accounts.update(run.actor, run.workspace_id, found.id, fields)
    run.report.note(item.path, created=found is None, changed=sub_accounts.as_fields(after) != before)
    run.report.warn_if_off(item, after.active)
    apply_budgets(run, item, "account", after.id)


def find(run: Run, name: str) -> Account | None:
    """Return the workspace's sub-account of that name."""
    listed = sub_accounts.list_all(run.actor, run.workspace_id)
    return next((account for account in listed if account.name == name), None)


def id_of(run: Run, name: object) -> str:
    """Return the id of the sub-account that a key names; "" for the workspace's own account."""
    if name is None or name == "":
        return ""
    found = find(run, name.strip()) if isinstance(name, str) else None
    if found is None:
        raise InvalidInput("There is no such sub-account in this workspace.", param="account")
    return found.id
