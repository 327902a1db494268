"""Providers and their credentials: who answers, and the secrets that let us in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import egress
from app.database import database
from app.domain.accounts import write_usd
from app.domain.actors import Actor
from app.domain.catalog import DIALECTS
from app.domain.errors import Conflict, InvalidInput, NotFound
from app.domain.fields import Collector, refuse_unknown, switch, text
from app.domain.ids import is_slug, is_uuid
from app.domain.ledger import some_usd
from app.domain.providers import RESERVED_SLUGS, explain_private, origin_of, state_of
from app.models import Credential, Provider
from app.models.columns import utc_now
from app.services import access, audit, spend

PLAIN = frozenset({"slug", "name", "dialect", "base_url", "vendor", "zdr", "may_train", "active"})
THRESHOLDS = {
    "alert_usd_per_day": "alert_nano_usd_per_day",
    "stop_usd_per_day": "stop_nano_usd_per_day",
}
FIELDS = PLAIN | THRESHOLDS.keys()
DEMO = {"slug": "demo", "name": "Demo (built in)", "dialect": "demo", "zdr": True}


@dataclass(frozen=True, slots=True)
class ProviderView:
    """A provider with how many credentials can be used, what its calls cost today (UTC), and its state."""

    provider: Provider
    active_credentials: int
    spent_nano_usd: int = 0

    @property
    def state(self) -> str:
        """Return ready, needs_key, paused or off."""
        row = self.provider
        return state_of(row.dialect, row.active, self.active_credentials, paused=row.paused_at is not None)

    @property
    def counted_nano_usd(self) -> int:
        """Return what counts against the stop threshold: the spend since its reactivation of today (O31)."""
        is_today = self.provider.resumed_on == utc_now().date()
        return self.spent_nano_usd - (self.provider.resumed_from_nano_usd if is_today else 0)


def create(actor: Actor, workspace_id: str, fields: Mapping[str, Any]) -> Provider:
    """Add a provider. Admins only."""
    values = parse(fields)

    def work(session: Session) -> Provider:
        access.require(session, actor, workspace_id, "admin")
        return insert(session, actor, workspace_id, values)

    return database.transaction(work)


def create_demo(session: Session, actor: Actor, workspace_id: str) -> Provider:
    """Add the built-in demo provider to a new workspace, inside the caller's transaction."""
    return insert(session, actor, workspace_id, parse(DEMO))


def insert(session: Session, actor: Actor, workspace_id: str, values: dict[str, Any]) -> Provider:
    """Store a checked provider and its audit event."""
    where = Provider.workspace_id == workspace_id, Provider.slug == values["slug"]
    if session.scalar(select(Provider.id).where(*where)) is not None:
        raise Conflict("There is a provider of this slug already.", param="slug")
    provider = Provider(workspace_id=workspace_id, **values)
    session.add(provider)
    session.flush()
    audit.write(session, actor, workspace_id, audit.Change("provider.create", provider.id, provider.slug, {}))
    return provider


def update(actor: Actor, workspace_id: str, provider_id: str, fields: Mapping[str, Any]) -> Provider:
    """Change a provider; another origin wipes its credentials, which are bound to the old one (D5)."""

    def work(session: Session) -> Provider:
        access.require(session, actor, workspace_id, "admin")
        provider = owned(session, workspace_id, provider_id)
        before = as_fields(provider)
        values = parse({**before, **fields})
        if values["slug"] != provider.slug:
            raise InvalidInput("A provider keeps its slug: model ids start with it.", param="slug")
        moved = origin_of(values["base_url"]) != origin_of(provider.base_url)
        wiped = retire_credentials(session, provider) if moved else {}
        for name in values:
            setattr(provider, name, values[name])
        changes = {**audit.difference(before, as_fields(provider)), **wiped}
        if changes:
            change = audit.Change("provider.change", provider.id, provider.slug, changes)
            audit.write(session, actor, workspace_id, change)
        return provider

    return database.transaction(work)


def set_active(actor: Actor, workspace_id: str, provider_id: str, active: bool) -> Provider:
    """Switch a provider off or on, whatever its other fields say by now. Admins only."""

    def work(session: Session) -> Provider:
        access.require(session, actor, workspace_id, "admin")
        provider = owned(session, workspace_id, provider_id)
        if provider.active != active:
            provider.active = active
            changes = {"active": [not active, active]}
            change = audit.Change("provider.change", provider.id, provider.slug, changes)
            audit.write(session, actor, workspace_id, change)
        return provider

    return database.transaction(work)


def retire_credentials(session: Session, provider: Provider) -> dict[str, list[int]]:
    """Deactivate every credential of the provider and wipe its secret; return that as a change, if any."""
    rows = [
        row
        for row in session.scalars(select(Credential).where(Credential.provider_id == provider.id))
        if row.sealed
    ]
    for row in rows:
        row.active, row.sealed = False, b""
    return {"credentials_wiped": [0, len(rows)]} if rows else {}


def find(actor: Actor, workspace_id: str, provider_id: str) -> Provider:
    """Return one provider; raise NotFound when it is another workspace's."""

    def work(session: Session) -> Provider:
        access.require(session, actor, workspace_id, "viewer")
        return owned(session, workspace_id, provider_id)

    return database.read(work)


def list_all(actor: Actor, workspace_id: str) -> list[Provider]:
    """Return the workspace's providers, by name."""

    def work(session: Session) -> list[Provider]:
        access.require(session, actor, workspace_id, "viewer")
        where = Provider.workspace_id == workspace_id
        return list(session.scalars(select(Provider).where(where).order_by(Provider.name)))

    return database.read(work)


def overview(actor: Actor, workspace_id: str) -> list[ProviderView]:
    """Return the workspace's providers with their states, by name; the demo comes last."""

    def work(session: Session) -> list[ProviderView]:
        counted = session.execute(
            select(Credential.provider_id, func.count())
            .where(Credential.workspace_id == workspace_id, Credential.active, Credential.key_id.is_(None))
            .group_by(Credential.provider_id)
        )
        counts: dict[str, int] = dict(counted.all())
        spent = spend.today(session, workspace_id, "provider")
        rows = list_all(actor, workspace_id)
        views = [ProviderView(row, counts.get(row.id, 0), spent.get(row.id, 0)) for row in rows]
        return sorted(views, key=lambda view: view.provider.dialect == "demo")

    return database.read(work)


def view(actor: Actor, workspace_id: str, provider_id: str) -> ProviderView:
    """Return one provider with its state; raise NotFound when it is another workspace's."""
    views = overview(actor, workspace_id)
    found = next((view for view in views if view.provider.id == provider_id), None)
    if found is None:
        raise NotFound("There is no such provider.")
    return found


def owned(session: Session, workspace_id: str, provider_id: str) -> Provider:
    """Return the workspace's own provider; raise NotFound."""
    provider = session.get(Provider, provider_id) if is_uuid(provider_id) else None
    if provider is None or provider.workspace_id != workspace_id:
        raise NotFound("There is no such provider.")
    return provider


def as_fields(provider: Provider) -> dict[str, Any]:
    """Return the fields that a form or file may set; thresholds as dollars, "" for none."""
    amounts = {name: write_usd(getattr(provider, column)) for name, column in THRESHOLDS.items()}
    return {**{name: getattr(provider, name) for name in sorted(PLAIN)}, **amounts}


def parse(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Check every field; `vendor` is the slug where it is not named."""
    refuse_unknown(fields, FIELDS)
    collect = Collector()
    slug = collect.take(provider_slug, fields)
    dialect = collect.take(provider_dialect, fields)
    values = {
        "slug": slug,
        "name": collect.take(text, fields, "name", most=100) or slug,
        "dialect": dialect,
        "base_url": collect.take(base_url, fields, dialect),
        "vendor": collect.take(text, fields, "vendor", most=64) or slug,
        "zdr": collect.take(switch, fields, "zdr"),
        "may_train": collect.take(switch, fields, "may_train"),
        "active": collect.take(switch, fields, "active", True),
    }
    thresholds = {column: collect.take(threshold, fields, name) for name, column in THRESHOLDS.items()}
    alert_at, stop_at = thresholds.values()
    if alert_at is not None and stop_at is not None and alert_at >= stop_at:
        collect.errors["alert_usd_per_day"] = "Must be less than the amount that pauses it."
    collect.finish()
    return {**values, **thresholds}


def threshold(fields: Mapping[str, Any], name: str) -> int | None:
    """Return a daily amount in nano-dollars; None when there is none."""
    return some_usd(fields, name) if text(fields, name, most=40) else None


def provider_slug(fields: Mapping[str, Any]) -> str:
    """Return the slug; words that are routes of the gateway are refused (O18)."""
    slug = text(fields, "slug", most=64, required=True)
    if not is_slug(slug):
        raise InvalidInput("Use lower-case letters, digits, dashes and underscores.", param="slug")
    if slug in RESERVED_SLUGS:
        raise InvalidInput(f"“{slug}” is a reserved word. Pick another.", param="slug")
    return slug


def provider_dialect(fields: Mapping[str, Any]) -> str:
    """Return the dialect that the provider speaks."""
    dialect = text(fields, "dialect", most=16, required=True)
    if dialect not in DIALECTS:
        raise InvalidInput(f"Choose from: {', '.join(sorted(DIALECTS))}.", param="dialect")
    return dialect


def base_url(fields: Mapping[str, Any], dialect: str | None) -> str:
    """Return the URL as the vendor's SDK takes it; checked for where it leads (O52). The demo has none."""
    if dialect == "demo":
        return ""
    url = text(fields, "base_url", most=500, required=True).rstrip("/")
    if "?" in url:  # paths are added to its end, and what stands there is shown to every member
        raise InvalidInput("Leave out the question mark and what follows it.", param="base_url")
    try:
        egress.check_url(url)
    except InvalidInput as error:
        raise InvalidInput(f"{error.message} {explain_private(url)}".strip(), param="base_url") from None
    return url
