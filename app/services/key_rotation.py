"""A key's secret is changed without a gap: the old one opens until the new one is first used (A19)."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.callers import hash_key, mint_key, preview_key
from app.domain.errors import Conflict, NotFound
from app.models import Key
from app.services import access, audit, webhooks

FIRST_USE = Actor("system", None, "first use of the new secret", is_operator=True)


class KeyPrefix:
    """What minted keys start with; set once at start."""

    value = "sk-sluice-"


prefix = KeyPrefix()


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key with its new secret: the only time that it can be read."""

    key: Key
    secret: str = field(repr=False)


def rotate(actor: Actor, workspace_id: str, key_id: str) -> NewKey:
    """Give a key a new secret; the old one is refused once the new one is used. Editors may."""

    def work(session: Session) -> NewKey:
        access.require(session, actor, workspace_id, "editor")
        key = session.get(Key, key_id)
        if key is None or key.workspace_id != workspace_id:
            raise NotFound("There is no such key.")
        return begin(session, actor, key)

    return database.transaction(work)


def begin(session: Session, actor: Actor, key: Key) -> NewKey:
    """Give a key a new secret beside the old one; one that was not used yet is forgotten."""
    session.refresh(key, with_for_update=True)  # its new secret may be used for the first time right now
    if key.revoked_at is not None:
        raise Conflict("This key is revoked.")
    secret = mint_key(prefix.value)
    key.previous_hash = key.previous_hash or key.hash
    key.hash, key.preview = hash_key(secret), preview_key(secret, prefix.value)
    audit.write(session, actor, key.workspace_id, audit.Change("key.rotate", key.id, key.name, {}))
    told = {"key_id": key.id, "name": key.name, "project_id": key.project_id}
    webhooks.note(session, key.workspace_id, "key.rotated", told, key.project_id)
    return NewKey(key, secret)


def workspace_of(digest: bytes) -> str | None:
    """Return the workspace of the key with this hash; None when there is no such key.

    Where it is the new secret of a key in rotation, this is its first use: the old one is forgotten.
    """
    query = select(Key.workspace_id, Key.hash, Key.previous_hash).where(has_hash(digest))
    row = database.read(lambda session: session.execute(query).first())
    if row is None:
        return None
    if row.hash == digest and row.previous_hash is not None:
        database.transaction(lambda session: finish(session, digest))
    return str(row.workspace_id)


def finish(session: Session, digest: bytes) -> None:
    """Forget the old secret of the key whose new one this is."""
    key = session.scalars(select(Key).where(Key.hash == digest).with_for_update()).first()
    if key is None or key.previous_hash is None:
        return
    key.previous_hash = None
    change = audit.Change("key.rotated", key.id, key.name, {})
    audit.write(session, FIRST_USE, key.workspace_id, change)


def has_hash(digest: bytes) -> ColumnElement[bool]:
    """Return the condition that a key opens with the secret of this hash."""
    return or_(Key.hash == digest, Key.previous_hash == digest)
