"""The keys of an apply file: minted where the file has no secret, rotated where it has another one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.domain.callers import hash_key
from app.domain.errors import InvalidInput
from app.domain.fields import switch, text
from app.models import Key, Project
from app.services import key_credentials, keys
from app.services.apply import accounts
from app.services.apply.report import Item, Run, refusals_at

REVOKED = "This key was revoked for good. Give the new one another name, or say `revoked: true` here."


def apply_key(run: Run, item: Item, project: Project) -> None:
    """Bring one key to what the file says."""
    with refusals_at(item, {"endpoints": "allowed_endpoints", "account_id": "account"}):
        secret = secret_of(item)
        revoked = switch(item.fields, "revoked")
        listed = keys.list_all(run.actor, run.workspace_id, project.id)
        found = next((key for key in listed if key.name == item.text("name")), None)
        if found is not None:
            changed = change(run, item, found, secret, revoked)
            run.report.note(item.path, changed=changed)
        elif revoked:
            run.report.note(item.path)
        else:
            create(run, item, project, secret)


def create(run: Run, item: Item, project: Project, secret: str | None) -> None:
    """Make the key; report its secret where it was minted."""
    made = keys.create(run.actor, run.workspace_id, project.id, fields_of(run, item), secret)
    key_credentials.update(run.actor, run.workspace_id, made.key.id, own_secrets(item))
    run.report.note(item.path, created=True)
    if secret is None:
        where = {"workspace": run.path, "project": project.name, "name": made.key.name}
        run.report.keys.append({**where, "secret": made.secret})


def change(run: Run, item: Item, key: Key, secret: str | None, revoked: bool) -> bool:
    """Change, rotate or revoke the key; say whether anything was done."""
    if key.revoked_at is not None:
        check_stays_revoked(run, item, key, secret)
        return False
    if revoked:
        keys.revoke(run.actor, run.workspace_id, key.id)
        return True
    before = state(key)
    keys.update(run.actor, run.workspace_id, key.id, fields_of(run, item))
    rotated = secret is not None and keys.replace_secret(run.actor, run.workspace_id, key.id, secret)
    own = key_credentials.update(run.actor, run.workspace_id, key.id, own_secrets(item))
    return rotated or own or before != state(key)


def own_secrets(item: Item) -> dict[str, Any]:
    """Return the customer's own keys at providers that the file names; null forgets one."""
    return dict(item.fields.get(key_credentials.FIELD) or {})


def state(key: Key) -> tuple[object, ...]:
    """Return what tells whether anything but the secret changed."""
    return tuple(getattr(key, name) for name in sorted(keys.FIELDS))


def check_stays_revoked(run: Run, item: Item, key: Key, secret: str | None) -> None:
    """Raise where the file wants a revoked key back; warn where it does not know of the revocation."""
    explicit = item.fields.get("revoked") is False
    if explicit or (secret is not None and key.hash != hash_key(secret)):
        raise InvalidInput(REVOKED, param="revoked" if explicit else "secret")
    if "revoked" not in item.fields:
        run.report.warnings.append(f"{item.path} was revoked for good.")


def secret_of(item: Item) -> str | None:
    """Return the secret that the file gives."""
    if item.fields.get("secret") is None:
        return None
    return text(item.fields, "secret", most=200, required=True)


def fields_of(run: Run, item: Item) -> dict[str, Any]:
    """Return the service's fields; the file writes a time as text, and calls two of them otherwise."""
    fields = item.only(keys.FIELDS)
    if "allowed_endpoints" in item.fields:
        fields["endpoints"] = item.fields["allowed_endpoints"]
    if "account" in item.fields:
        fields["account_id"] = accounts.id_of(run, item.fields["account"])
    if isinstance(fields.get("expires_at"), str):
        fields["expires_at"] = read_time(fields["expires_at"])
    return fields


def read_time(written: str) -> datetime:
    """Return a time in UTC; without a zone it could mean several."""
    try:
        time = datetime.fromisoformat(written)
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidInput("Write a date and time with its zone, like 2027-01-31T12:00:00Z.", param="expires_at")
