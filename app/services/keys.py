"""Keys: minted or given, shown once, revoked for good."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.callers import hash_key, is_accepted_key, mint_key, preview_key
from app.domain.errors import InvalidInput, NotFound
from app.domain.ids import is_uuid
from app.models import Credential, Key
from app.models.columns import utc_now
from app.services import access, accounts, audit, guardrail_levels, key_fields, projects
from app.services.key_fields import SHOWN, parse
from app.services.key_rotation import NewKey, prefix

FIELDS = key_fields.FIELDS


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
        account_id = key_fields.booked_on(session, workspace_id, values["account_id"])
        place = {"workspace_id": workspace_id, "project_id": project_id, "account_id": account_id}
        return NewKey(add(session, actor, {**values, **place}, value), value)

    return database.transaction(work)


def add(session: Session, actor: Actor, values: Mapping[str, Any], secret: str) -> Key:
    """Add the row of a key that opens with this secret; `values` say where it belongs, too."""
    workspace_id, project_id = values["workspace_id"], values["project_id"]
    key_fields.check_name_free(session, project_id, values["name"])
    key_fields.check_secret_free(session, secret)
    key_fields.check_endpoints(session, project_id, values["endpoints"])
    guardrail_levels.check_in_project(session, workspace_id, project_id, {}, values.get("guardrails") or {})
    shown = preview_key(secret, prefix.value)
    key = Key(hash=hash_key(secret), preview=shown, created_by=actor.label, **values)
    session.add(key)
    session.flush()
    told = guardrail_levels.told(audit.difference({}, {name: values.get(name) or None for name in SHOWN}))
    audit.write(session, actor, workspace_id, audit.Change("key.create", key.id, key.name, told))
    return key


def revoke(actor: Actor, workspace_id: str, key_id: str) -> Key:
    """Revoke a key for good; it is refused within a second on every worker. Editors may."""

    def work(session: Session) -> Key:
        access.require(session, actor, workspace_id, "editor")
        key = owned(session, workspace_id, key_id)
        end(session, actor, key)
        return key

    return database.transaction(work)


def end(session: Session, actor: Actor, key: Key) -> list[Key]:
    """Revoke a key and those that it made, with the secrets of their own; return what was revoked."""
    ended = []
    for one in (key, *made_by(session, key)):
        if one.revoked_at is None:
            one.revoked_at, one.previous_hash = utc_now(), None
            session.execute(delete(Credential).where(Credential.key_id == one.id))
            change = audit.Change("key.revoke", one.id, one.name, {})
            audit.write(session, actor, one.workspace_id, change)
            ended.append(one)
    return ended


def made_by(session: Session, key: Key) -> list[Key]:
    """Return the keys that a key made, and those that they made."""
    found, makers = list[Key](), [key.id]
    while makers:
        where = Key.project_id == key.project_id, Key.parent_id.in_(makers)
        rows = session.scalars(select(Key).where(*where)).all()
        found += rows
        makers = [row.id for row in rows]
    return found


def update(actor: Actor, workspace_id: str, key_id: str, fields: Mapping[str, Any]) -> Key:
    """Change any field of a key but its secret. Editors may."""

    def work(session: Session) -> Key:
        access.require(session, actor, workspace_id, "editor")
        key = owned(session, workspace_id, key_id)
        change(session, actor, key, fields)
        return key

    return database.transaction(work)


def change(session: Session, actor: Actor, key: Key, fields: Mapping[str, Any]) -> None:
    """Set what differs."""
    workspace_id = key.workspace_id
    before = {name: getattr(key, name) for name in FIELDS}
    values = parse({**key_fields.current(key), **fields})
    values["account_id"] = key_fields.booked_on(session, workspace_id, values["account_id"])
    changes = audit.difference(before, values)
    if "name" in changes:
        key_fields.check_name_free(session, key.project_id, values["name"])
    if "endpoints" in changes:
        key_fields.check_endpoints(session, key.project_id, values["endpoints"])
    guardrails = key.guardrails, values["guardrails"]
    guardrail_levels.check_in_project(session, workspace_id, key.project_id, *guardrails)
    for name in changes:
        setattr(key, name, values[name])
    if changes:
        told = told_changes(session, workspace_id, changes)
        audit.write(session, actor, workspace_id, audit.Change("key.change", key.id, key.name, told))


def told_changes(session: Session, workspace_id: str, changes: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return the changes as the activity log keeps them: times as texts, the account by its name."""
    told = {
        name: [str(value) if isinstance(value, datetime) else value for value in pair]
        for name, pair in changes.items()
    }
    if "account_id" in told:
        pair = told.pop("account_id")
        told["account"] = [accounts.owned(session, workspace_id, account_id).name for account_id in pair]
    return guardrail_levels.told(told)


def replace_secret(actor: Actor, workspace_id: str, key_id: str, secret: str) -> bool:
    """Give an active key another secret (`apply` with a changed one); say whether it changed. Editors may."""
    if not is_accepted_key(secret):
        raise InvalidInput("A key has 16 to 200 visible ASCII characters.", param="secret")

    def work(session: Session) -> bool:
        access.require(session, actor, workspace_id, "editor")
        key = owned(session, workspace_id, key_id)
        if key.hash == hash_key(secret):
            return False
        key_fields.check_secret_free(session, secret)
        key.hash, key.preview = hash_key(secret), preview_key(secret, prefix.value)
        key.previous_hash = None
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


def state_of(key: Key) -> str:
    """Return `active`, `expired` or `revoked`."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= utc_now() else "active"


def follow_slug(session: Session, project_id: str, old: str, new: str) -> None:
    """Let the keys that may call an endpoint call it under its new slug."""
    where = Key.project_id == project_id, Key.revoked_at.is_(None)
    for key in session.scalars(select(Key).where(*where)):
        if key.endpoints is not None and old in key.endpoints:
            key.endpoints = sorted({*key.endpoints, new} - {old})
