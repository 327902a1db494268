"""Credentials: a provider's secrets, sealed at rest and masked for ever (P26)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.calls import Upstream
from app.domain.errors import Conflict, InvalidInput, NotFound
from app.domain.fields import Collector, refuse_unknown, text
from app.domain.ids import is_uuid, new_id
from app.domain.provider_errors import CredentialRefused
from app.domain.providers import origin_of
from app.models import Credential, Provider
from app.models.columns import utc_now
from app.providers import adapter
from app.services import access, alerts, audit, projects, providers
from app.services.sealing import CannotUnseal, sealer

log = logging.getLogger(__name__)
FIELDS = frozenset({"name", "secret", "project_id"})
UPSTREAM = Actor("system", None, "the provider's refusal", is_operator=True)
WIPED = "The provider's address changed, so this secret was wiped. Add it again."
REFUSED = "The provider refuses this key. Check that it was copied whole and is still valid."


def create(actor: Actor, workspace_id: str, provider_id: str, fields: Mapping[str, Any]) -> Credential:
    """Add a secret to a provider, for one project where `project_id` is named. Admins only."""
    values = parse(fields)

    def work(session: Session) -> Credential:
        access.require(session, actor, workspace_id, "admin")
        provider = providers.owned(session, workspace_id, provider_id)
        if provider.dialect == "demo":
            raise InvalidInput("The demo provider is built in and takes no key.", param="secret")
        check_place(session, provider, values)
        credential = sealed_row(provider, values)
        session.add(credential)
        session.flush()
        change = audit.Change("credential.create", credential.id, label(provider, credential), {})
        audit.write(session, actor, workspace_id, change)
        return credential

    return database.transaction(work)


def create_with_provider(
    actor: Actor, workspace_id: str, provider_fields: Mapping[str, Any], secret: str
) -> Provider:
    """Add a provider and, where `secret` is not empty, its first credential, both or neither. Admins only."""

    def work(session: Session) -> Provider:
        provider = providers.create(actor, workspace_id, provider_fields)
        if secret:
            create(actor, workspace_id, provider.id, {"name": "main", "secret": secret})
        return provider

    return database.transaction(work)


def sealed_row(provider: Provider, values: Mapping[str, Any]) -> Credential:
    """Return the row with its secret sealed for this row and the provider's origin."""
    row_id, origin, secret = new_id(), origin_of(provider.base_url), values["secret"]
    return Credential(
        id=row_id,
        workspace_id=provider.workspace_id,
        provider_id=provider.id,
        project_id=values["project_id"],
        name=values["name"],
        sealed=sealer.seal(secret, row_id, origin),
        sealed_with=sealer.key_id,
        origin=origin,
        preview=f"…{secret[-4:]}" if len(secret) >= 12 else "…",
        active=True,
    )


def replace_secret(actor: Actor, workspace_id: str, credential_id: str, secret: str) -> bool:
    """Seal another secret in place (`apply` with a changed one); say whether it changed. Admins only."""
    values = parse({"name": "x", "secret": secret})

    def work(session: Session) -> bool:
        access.require(session, actor, workspace_id, "admin")
        row = owned(session, workspace_id, credential_id)
        provider = providers.owned(session, workspace_id, row.provider_id)
        if row.active and holds(row, secret) and row.origin == origin_of(provider.base_url):
            return False
        fresh = sealed_row(provider, {**values, "project_id": row.project_id})
        row.origin, row.sealed_with, row.preview = fresh.origin, fresh.sealed_with, fresh.preview
        row.sealed, row.active = sealer.seal(values["secret"], row.id, row.origin), True
        row.refused_at = None
        audit.write(
            session, actor, workspace_id, audit.Change("credential.replace", row.id, label(provider, row), {})
        )
        return True

    return database.transaction(work)


def holds(row: Credential, secret: str) -> bool:
    """Say whether the row's secret is this one."""
    try:
        return sealer.unseal(row.sealed, row.id, row.origin) == secret
    except CannotUnseal:
        return False


def set_active(actor: Actor, workspace_id: str, credential_id: str, active: bool) -> Credential:
    """Switch a credential off or on again; one whose secret was wiped stays off. Admins only."""

    def work(session: Session) -> Credential:
        access.require(session, actor, workspace_id, "admin")
        row = owned(session, workspace_id, credential_id)
        if active and not row.sealed:
            raise InvalidInput(WIPED)
        if row.active != active:
            row.active, row.refused_at = active, None
            provider = providers.owned(session, workspace_id, row.provider_id)
            verb = "activate" if active else "deactivate"
            change = audit.Change(f"credential.{verb}", row.id, label(provider, row), {})
            audit.write(session, actor, workspace_id, change)
        return row

    return database.transaction(work)


def retire(workspace_id: str, credential_id: str, status: int) -> None:
    """Switch off a credential that the upstream refused with this status, 401 or 403, and tell the admins.

    Done once: of several calls that are refused together, one retires it (L20). Never raises: the call
    goes on without it.
    """

    def work(session: Session) -> None:
        mine = Credential.id == credential_id, Credential.workspace_id == workspace_id
        values = {"active": False, "refused_at": utc_now()}
        done = session.execute(update(Credential).where(*mine, Credential.active).values(values))
        if not done.rowcount:  # type: ignore[attr-defined]
            return
        row = session.get_one(Credential, credential_id, populate_existing=True)
        provider = providers.owned(session, workspace_id, row.provider_id)
        change = audit.Change("credential.retire", row.id, label(provider, row), {"status": [None, status]})
        audit.write(session, UPSTREAM, workspace_id, change)
        facts = {"name": provider.name, "provider_id": provider.id, "credential": row.name, "status": status}
        left = Credential.provider_id == provider.id, Credential.active, Credential.key_id.is_(None)
        facts["left"] = session.scalar(select(func.count()).select_from(Credential).where(*left))
        alerts.note(session, workspace_id, "credential_refused", row.id, facts)

    if not credential_id:
        return
    try:
        database.transaction(work)
    except SQLAlchemyError as error:
        log.error("credential %s not retired: %s", credential_id, type(error).__name__)


def delete(actor: Actor, workspace_id: str, credential_id: str) -> None:
    """Remove a credential for good. Admins only."""

    def work(session: Session) -> None:
        access.require(session, actor, workspace_id, "admin")
        row = owned(session, workspace_id, credential_id)
        provider = providers.owned(session, workspace_id, row.provider_id)
        audit.write(
            session, actor, workspace_id, audit.Change("credential.delete", row.id, label(provider, row), {})
        )
        session.delete(row)

    database.transaction(work)


def find(actor: Actor, workspace_id: str, credential_id: str) -> Credential:
    """Return one credential; raise NotFound when it is another workspace's."""

    def work(session: Session) -> Credential:
        access.require(session, actor, workspace_id, "viewer")
        return owned(session, workspace_id, credential_id)

    return database.read(work)


def list_all(actor: Actor, workspace_id: str, provider_id: str | None = None) -> list[Credential]:
    """Return the credentials of one provider, or of all, oldest first; their secrets stay sealed.

    Without those that belong to keys.
    """

    def work(session: Session) -> list[Credential]:
        access.require(session, actor, workspace_id, "viewer")
        query = select(Credential).where(Credential.workspace_id == workspace_id, Credential.key_id.is_(None))
        if provider_id is not None:
            query = query.where(Credential.provider_id == provider_id)
        return list(session.scalars(query.order_by(Credential.created_at)))

    return database.read(work)


def test(actor: Actor, workspace_id: str, credential_id: str) -> str:
    """Ask the provider whether address and secret work; return its answer in plain words. Admins only."""

    def work(session: Session) -> tuple[Provider, Credential]:
        access.require(session, actor, workspace_id, "admin")
        row = owned(session, workspace_id, credential_id)
        return providers.owned(session, workspace_id, row.provider_id), row

    provider, row = database.read(work)
    if not row.sealed:
        raise InvalidInput(WIPED)
    try:
        secret = sealer.unseal(row.sealed, row.id, origin_of(provider.base_url))
    except CannotUnseal:
        raise InvalidInput("This secret was sealed with another SLUICE_SECRET_KEY. Add it again.") from None
    upstream = Upstream(provider.slug, provider.dialect, provider.base_url, model="", secret=secret)
    try:
        return adapter(provider.dialect).test(upstream)
    except CredentialRefused:
        raise CredentialRefused(REFUSED) from None


def owned(session: Session, workspace_id: str, credential_id: str) -> Credential:
    """Return the workspace's own credential; raise NotFound."""
    row = session.get(Credential, credential_id) if is_uuid(credential_id) else None
    if row is None or row.workspace_id != workspace_id or row.key_id is not None:
        raise NotFound("There is no such credential.")
    return row


def label(provider: Provider, row: Credential) -> str:
    """Return how the audit log names a credential."""
    return f"{provider.slug}: {row.name}"


def parse(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Check every field."""
    refuse_unknown(fields, FIELDS)
    collect = Collector()
    values = {
        "name": collect.take(text, fields, "name", most=100, required=True),
        "secret": collect.take(secret_text, fields),
        "project_id": collect.take(text, fields, "project_id", most=36) or None,
    }
    collect.finish()
    return values


def secret_text(fields: Mapping[str, Any]) -> str:
    """Return the secret; it goes into a header, so only visible ASCII will do."""
    secret = text(fields, "secret", most=1_000, required=True)
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise InvalidInput(
            "This does not look like a key: use visible ASCII characters only.", param="secret"
        )
    return secret


def check_place(session: Session, provider: Provider, values: Mapping[str, Any]) -> None:
    """Raise unless the project is the workspace's own and the name is free at this provider."""
    if values["project_id"] is not None:
        projects.owned(session, provider.workspace_id, values["project_id"])
    where = Credential.provider_id == provider.id, Credential.name == values["name"]
    if session.scalar(select(Credential.id).where(*where)) is not None:
        raise Conflict("There is a credential of this name already.", param="name")
