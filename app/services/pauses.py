"""Pausing a provider and reactivating it; past its stop threshold app/services/spend.py pauses it (M10)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.models import Provider
from app.models.columns import utc_now
from app.services import access, audit, providers, spend


def pause(actor: Actor, workspace_id: str, provider_id: str) -> Provider:
    """Pause a provider until somebody reactivates it, as its stop threshold would. Admins only."""

    def work(session: Session) -> Provider:
        access.require(session, actor, workspace_id, "admin")
        provider = providers.owned(session, workspace_id, provider_id)
        if provider.paused_at is None:
            provider.paused_at = utc_now()
            change = audit.Change("provider.pause", provider.id, provider.slug, {})
            audit.write(session, actor, workspace_id, change)
        return provider

    return database.transaction(work)


def resume(actor: Actor, workspace_id: str, provider_id: str) -> Provider:
    """Reactivate a paused provider: what it cost today until now no longer counts against it (O31).

    Admins only.
    """

    def work(session: Session) -> Provider:
        access.require(session, actor, workspace_id, "admin")
        provider = providers.owned(session, workspace_id, provider_id)
        if provider.paused_at is not None:
            provider.paused_at, provider.resumed_on = None, utc_now().date()
            provider.resumed_from_nano_usd = spend.today(session, workspace_id, "provider").get(
                provider.id, 0
            )
            change = audit.Change("provider.resume", provider.id, provider.slug, {})
            audit.write(session, actor, workspace_id, change)
        return provider

    return database.transaction(work)
