"""Keys: minted or given, shown once, revoked for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.callers import DEFAULT_SCOPES, SCOPES, hash_key, is_accepted_key, mint_key, preview_key
from app.domain.errors import Conflict, InvalidInput, NotFound
from app.domain.fields import Collector, refuse_unknown, text, texts
from app.domain.ids import is_uuid
from app.domain.keys import endpoints_of, labels_of
from app.domain.limits import limits_of
from app.models import Endpoint, Key
from app.models.columns import utc_now
from app.services import access, accounts, audit, projects

FIELDS = frozenset({"name", "account_id", "scopes", "expires_at", "limits", "endpoints", "labels"})
SHOWN = ("scopes", "limits", "endpoints", "labels")


class KeyPrefix:
    """What minted keys start with; set once at start."""

    value = "sk-sluice-"


prefix = KeyPrefix()


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made, with its secret: the only time that it can be read."""

    key: Key
    secret: str = field(repr=False)


def create(
    actor: Actor, workspace_id: str, project_id: str, fields: Mapping[str, Any], secret: str | None = None
) -> NewKey:
    """Make a key of a project; minted unless `secret` is given. Editors may.

    It is booked on the sub-account `account_id`, or on the root account.
    """
    values = parse(fields)
    value = secret if secret is not None else mint_key(prefix.value)
    if not is_accepted_key(value):
        raise InvalidInput("A key has 16 to 200 visible ASCII characters.", param="secret")

    def work(session: Session) -> NewKey:
        access.require(session, actor, workspace_id, "editor")
        projects.owned(session, workspace_id, project_id)
        check_name_free(session, project_id, values["name"])
        check_secret_free(session, value)
        check_endpoints(session, project_id, values["endpoints"])
        values["account_id"] = booked_on(session, workspace_id, values["account_id"])
        key = Key(
            workspace_id=workspace_id,
            project_id=project_id,
            hash=hash_key(value),
            preview=preview_key(value, prefix.value),
            created_by=actor.label,
            **values,
        )
        session.add(key)
        session.flush()
        told = audit.difference({}, {name: values[name] or None for name in SHOWN})
        change = audit.Change("key.create", key.id, key.name, told)
        audit.write(session, actor, workspace_id, change)
        return NewKey(key, value)

    return database.transaction(work)


def revoke(actor: Actor, workspace_id: str, key_id: str) -> Key:
    """Revoke a key for good; it is refused within a second on every worker. Editors may."""

    def work(session: Session) -> Key:
        access.require(session, actor, workspace_id, "editor")
        key = owned(session, workspace_id, key_id)
        if key.revoked_at is None:
            key.revoked_at = utc_now()
            audit.write(session, actor, workspace_id, audit.Change("key.revoke", key.id, key.name, {}))
        return key

    return database.transaction(work)


def update(actor: Actor, workspace_id: str, key_id: str, fields: Mapping[str, Any]) -> Key:
    """Change any field of a key but its secret. Editors may."""

    def work(session: Session) -> Key:
        access.require(session, actor, workspace_id, "editor")
        key = owned(session, workspace_id, key_id)
        before = {name: getattr(key, name) for name in FIELDS}
        values = parse({**before, **fields})
        values["account_id"] = booked_on(session, workspace_id, values["account_id"])
        changes = audit.difference(before, values)
        if "name" in changes:
            check_name_free(session, key.project_id, values["name"])
        if "endpoints" in changes:
            check_endpoints(session, key.project_id, values["endpoints"])
        for name in changes:
            setattr(key, name, values[name])
        if changes:
            told = told_changes(session, workspace_id, changes)
            audit.write(session, actor, workspace_id, audit.Change("key.change", key.id, key.name, told))
        return key

    return database.transaction(work)


def told_changes(session: Session, workspace_id: str, changes: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return the changes as the activity log keeps them: times as texts, the account by its name."""
    told = {
        name: [str(value) if isinstance(value, datetime) else value for value in pair]
        for name, pair in changes.items()
    }
    if "account_id" in told:
        pair = told.pop("account_id")
        told["account"] = [accounts.owned(session, workspace_id, account_id).name for account_id in pair]
    return told


def replace_secret(actor: Actor, workspace_id: str, key_id: str, secret: str) -> bool:
    """Give an active key another secret (`apply` with a changed one); say whether it changed. Editors may."""
    if not is_accepted_key(secret):
        raise InvalidInput("A key has 16 to 200 visible ASCII characters.", param="secret")

    def work(session: Session) -> bool:
        access.require(session, actor, workspace_id, "editor")
        key = owned(session, workspace_id, key_id)
        if key.hash == hash_key(secret):
            return False
        check_secret_free(session, secret)
        key.hash, key.preview = hash_key(secret), preview_key(secret, prefix.value)
        audit.write(session, actor, workspace_id, audit.Change("key.rotate", key.id, key.name, {}))
        return True

    return database.transaction(work)


def find(actor: Actor, workspace_id: str, key_id: str) -> Key:
    """Return one key; raise NotFound when it is another workspace's."""

    def work(session: Session) -> Key:
        access.require(session, actor, workspace_id, "viewer")
        return owned(session, workspace_id, key_id)

    return database.read(work)


def list_all(actor: Actor, workspace_id: str, project_id: str) -> list[Key]:
    """Return a project's keys, newest first, revoked ones too."""

    def work(session: Session) -> list[Key]:
        access.require(session, actor, workspace_id, "viewer")
        projects.owned(session, workspace_id, project_id)
        where = Key.project_id == project_id
        return list(session.scalars(select(Key).where(where).order_by(Key.created_at.desc())))

    return database.read(work)


def owned(session: Session, workspace_id: str, key_id: str) -> Key:
    """Return the workspace's own key; raise NotFound."""
    key = session.get(Key, key_id) if is_uuid(key_id) else None
    if key is None or key.workspace_id != workspace_id:
        raise NotFound("There is no such key.")
    return key


def parse(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Check every field."""
    refuse_unknown(fields, FIELDS)
    collect = Collector()
    values = {
        "name": collect.take(text, fields, "name", most=100, required=True),
        "account_id": collect.take(text, fields, "account_id", most=36),
        "scopes": collect.take(scopes, fields),
        "expires_at": collect.take(expiry, fields),
        "limits": collect.take(limits_of, fields),
        "endpoints": collect.take(endpoints_of, fields),
        "labels": collect.take(labels_of, fields),
    }
    collect.finish()
    return {**values, "limits": values["limits"].as_dict()}


def scopes(fields: Mapping[str, Any]) -> list[str]:
    """Return the chosen scopes in their usual order; the default ones when none are named."""
    chosen = texts(fields, "scopes", most=len(SCOPES)) or DEFAULT_SCOPES
    if any(scope not in SCOPES for scope in chosen):
        raise InvalidInput(f"Choose from: {', '.join(SCOPES)}.", param="scopes")
    return [scope for scope in SCOPES if scope in chosen]


def state_of(key: Key) -> str:
    """Return `active`, `expired` or `revoked`."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= utc_now() else "active"


def expiry(fields: Mapping[str, Any]) -> datetime | None:
    """Return the time after which the key is refused; aware, or None for never."""
    value = fields.get("expires_at")
    if value is None:
        return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise InvalidInput("Must be a date and time with its zone.", param="expires_at")
    return value


def booked_on(session: Session, workspace_id: str, account_id: str) -> str:
    """Return the account that a key is booked on: the root account when none is named."""
    if not account_id:
        return accounts.root_of(session, workspace_id).id
    try:
        return accounts.owned(session, workspace_id, account_id).id
    except NotFound:
        raise InvalidInput("There is no such account.", param="account_id") from None


def check_endpoints(session: Session, project_id: str, slugs: list[str] | None) -> None:
    """Raise InvalidInput unless the project has every one of the endpoints."""
    known = set(session.scalars(select(Endpoint.slug).where(Endpoint.project_id == project_id)))
    missing = sorted(set(slugs or ()) - known)
    if missing:
        raise InvalidInput(f"There is no endpoint “{missing[0]}” in this project.", param="endpoints")


def follow_slug(session: Session, project_id: str, old: str, new: str) -> None:
    """Let the keys that may call an endpoint call it under its new slug."""
    where = Key.project_id == project_id, Key.revoked_at.is_(None)
    for key in session.scalars(select(Key).where(*where)):
        if key.endpoints is not None and old in key.endpoints:
            key.endpoints = sorted({*key.endpoints, new} - {old})


def check_name_free(session: Session, project_id: str, name: str) -> None:
    """Raise Conflict when another key of the project has the name."""
    where = Key.project_id == project_id, Key.name == name
    if session.scalar(select(Key.id).where(*where)) is not None:
        raise Conflict("There is a key of this name already.", param="name")


def check_secret_free(session: Session, secret: str) -> None:
    """Raise Conflict when the secret is in use by any key anywhere."""
    if session.scalar(select(Key.id).where(Key.hash == hash_key(secret))) is not None:
        raise Conflict("This secret is in use by another key.", param="secret")
