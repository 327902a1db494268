"""Secrets of a customer's own at providers, kept with their key: its calls are paid there (R18)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.errors import InvalidFields, InvalidInput, NotFound
from app.domain.providers import origin_of
from app.domain.targets import CredentialValue
from app.models import Credential, Key, Provider
from app.services import access, audit, credentials, keys
from app.services.sealing import CannotUnseal, sealer

FIELD = "provider_keys"
OWN_NAME = "the customer's own key"


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A secret of a key's own, masked, and where it is for."""

    provider_id: str
    slug: str
    provider_name: str
    preview: str


def update(actor: Actor, workspace_id: str, key_id: str, secrets: Mapping[str, Any]) -> bool:
    """Store, replace or (None) forget secrets, by provider; say whether anything changed. Editors may."""

    def work(session: Session) -> bool:
        access.require(session, actor, workspace_id, "editor")
        return store(session, actor, keys.owned(session, workspace_id, key_id), secrets)

    return database.transaction(work)


def store(session: Session, actor: Actor, key: Key, secrets: Mapping[str, Any]) -> bool:
    """Store, replace or forget the key's own secrets; raise InvalidFields for unknown providers."""
    if key.revoked_at is not None:
        raise NotFound("This key is revoked.")
    changes: dict[str, list[Any]] = {}
    for name, secret in secrets.items():
        provider = provider_of(session, key.workspace_id, name)
        mine = Credential.key_id == key.id, Credential.provider_id == provider.id
        row = session.scalars(select(Credential).where(*mine)).first()
        if secret is None and row is None:
            continue
        if row is not None and secret is not None and credentials.holds(row, str(secret)):
            continue
        before, after = row and row.preview, None
        if row is not None:
            session.delete(row)
            session.flush()
        if secret is not None:
            added = sealed(provider, key, name, secret)
            session.add(added)
            after = added.preview
        changes[provider.slug] = [before, after]
    if changes:
        audit.write(session, actor, key.workspace_id, audit.Change("key.own_keys", key.id, key.name, changes))
    return bool(changes)


def sealed(provider: Provider, key: Key, name: str, secret: Any) -> Credential:
    """Return the row of a secret of the key's own."""
    try:
        checked = credentials.secret_text({"secret": secret})
    except InvalidInput as error:
        raise InvalidFields({f"{FIELD}.{name}": error.message}) from None
    values = {"name": f"key {key.id}", "secret": checked, "project_id": None}
    row = credentials.sealed_row(provider, values)
    row.key_id = key.id
    return row


def provider_of(session: Session, workspace_id: str, name: Any) -> Provider:
    """Return the provider of that slug or name, in any case (C28); InvalidFields when there is none."""
    wanted = str(name).strip().lower()
    rows = session.scalars(select(Provider).where(Provider.workspace_id == workspace_id))
    found = [row for row in rows if wanted in (row.slug, row.name.lower()) and row.dialect != "demo"]
    if not found:
        raise InvalidFields({f"{FIELD}.{name}": "There is no such provider in this workspace."})
    return min(found, key=lambda row: row.slug != wanted)


def list_all(actor: Actor, workspace_id: str, key_id: str) -> list[OwnKey]:
    """Return a key's own secrets, masked, by provider."""

    def work(session: Session) -> list[OwnKey]:
        access.require(session, actor, workspace_id, "viewer")
        return shown(session, [keys.owned(session, workspace_id, key_id).id]).get(key_id, [])

    return database.read(work)


def shown(session: Session, key_ids: Sequence[str]) -> dict[str, list[OwnKey]]:
    """Return the own secrets of several keys, masked, by key."""
    found: dict[str, list[OwnKey]] = {}
    for row, provider in rows_of(session, key_ids):
        mine = OwnKey(provider.id, provider.slug, provider.name, row.preview)
        found.setdefault(str(row.key_id), []).append(mine)
    return found


def usable(session: Session, key_ids: Sequence[str]) -> tuple[tuple[str, CredentialValue], ...]:
    """Return the secrets that calls go with, by the provider's slug; those of earlier keys win.

    One that cannot be read any more goes on as an empty one: nobody else shall pay in its place.
    """
    found: dict[str, CredentialValue] = {}
    rows = sorted(rows_of(session, key_ids), key=lambda pair: key_ids.index(str(pair[0].key_id)))
    for row, provider in rows:
        value = CredentialValue(row.id, OWN_NAME, secret_of(row, provider), own=True)
        found.setdefault(provider.slug, value)
    return tuple(found.items())


def rows_of(session: Session, key_ids: Sequence[str]) -> list[tuple[Credential, Provider]]:
    """Return the rows of several keys, by provider."""
    query = (
        select(Credential, Provider)
        .join(Provider, Provider.id == Credential.provider_id)
        .where(Credential.key_id.in_(key_ids))
        .order_by(Provider.slug)
    )
    return [(row, provider) for row, provider in session.execute(query)]


def secret_of(row: Credential, provider: Provider) -> str:
    """Return the decrypted secret; empty when it was sealed with another key or for another origin."""
    try:
        return sealer.unseal(row.sealed, row.id, origin_of(provider.base_url)) if row.sealed else ""
    except CannotUnseal:
        return ""
