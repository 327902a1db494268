"""Finds what a call is for: the endpoint's published version and the candidates behind its models."""

from __future__ import annotations

import time

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.callers import Caller, may_call
from app.domain.calls import Call
from app.domain.endpoints import parse_config
from app.domain.errors import InvalidInput, NotAllowed, NotFound
from app.domain.gateway_settings import GatewaySettings
from app.domain.ids import is_slug
from app.domain.providers import origin_of
from app.domain.targets import Candidate, CredentialValue, Skipped, Target
from app.models import Credential, Endpoint, EndpointVersion, Project, Provider
from app.services import budgets, model_rows, turns
from app.services.cache import Cache
from app.services.sealing import CannotUnseal, sealer

_known: Cache[tuple[str, str], Target] = Cache(20_000)


def find(caller: Caller, call: Call, *, fresh: bool = False) -> Target:
    """Return the endpoint that the call names; raise NotFound when unknown or inactive (O44)."""
    slug = call.slug if call.slug is not None else named_slug(call)
    if not is_slug(slug):
        raise NotFound("Endpoint not found.")
    if not may_call(caller, slug):
        raise NotAllowed(f"This key may not call the endpoint '{slug}'.")
    target = None if fresh else known(caller, slug)
    return target or turns.read_once(
        f"endpoint {caller.project_id} {slug}", lambda: known(caller, slug), lambda: read(caller, slug)
    )


def known(caller: Caller, slug: str) -> Target | None:
    """Return the remembered target, if it was read under the caller's stamp and not before the caller."""
    target = _known.get((caller.project_id, slug))
    if target is None or target.config_stamp != caller.config_stamp or target.read_at < caller.read_at:
        return None
    return target


def read(caller: Caller, slug: str) -> Target:
    """Read and remember the target; raise NotFound."""
    target = database.read(lambda session: load(session, caller, slug))
    _known.put((caller.project_id, slug), target)
    return target


def named_slug(call: Call) -> str:
    """Return the slug that the body names (P2, P28); raise InvalidInput without one."""
    slug = call.body.get(call.slug_field)
    if not isinstance(slug, str) or not slug:
        text = f"Name the endpoint's slug in the body field '{call.slug_field}'."
        raise InvalidInput(text, param=call.slug_field)
    return slug


def load(session: Session, caller: Caller, slug: str) -> Target:
    """Read the endpoint, its published version and its candidates."""
    row = session.execute(
        select(Endpoint, EndpointVersion, Project)
        .join(EndpointVersion, EndpointVersion.id == Endpoint.published_version_id)
        .join(Project, Project.id == Endpoint.project_id)
        .where(Endpoint.project_id == caller.project_id, Endpoint.slug == slug, Endpoint.active)
    ).first()
    if row is None:
        raise NotFound("Endpoint not found.")
    endpoint, version, project = row
    config = parse_config(version.config)
    chain = [candidate_for(session, caller, model_id) for model_id in (config.model, *config.failover)]
    return Target(
        workspace_id=caller.workspace_id,
        project_id=project.id,
        endpoint_id=endpoint.id,
        slug=endpoint.slug,
        version=version.number,
        config=config,
        candidates=tuple(item for item in chain if isinstance(item, Candidate)),
        skipped=tuple(item for item in chain if isinstance(item, Skipped)),
        log_content=project.log_content,
        config_stamp=caller.config_stamp,
        read_at=time.monotonic(),
        limits=config.limits,
        gateway=GatewaySettings(**project.gateway),
        budgets=budgets.facts(session, [("endpoint", endpoint.id, f"the endpoint “{endpoint.slug}”")]),
    )


def candidate_for(session: Session, caller: Caller, model_id: str) -> Candidate | Skipped:
    """Return who can answer as `provider/model`, or why nobody can."""
    slug, _, model = model_id.partition("/")
    where = Provider.workspace_id == caller.workspace_id, Provider.slug == slug
    provider = session.scalars(select(Provider).where(*where)).first()
    if provider is None:
        return Skipped(model_id, "there is no such provider in this workspace")
    if not provider.active:
        return Skipped(model_id, "the provider is switched off")
    if provider.paused_at is not None:
        return Skipped(model_id, "the provider is paused")
    credentials = credentials_of(session, provider, caller.project_id)
    found = Candidate(
        model_id=model_id,
        provider_id=provider.id,
        provider_slug=provider.slug,
        provider_name=provider.name,
        dialect=provider.dialect,
        base_url=provider.base_url,
        model=model,
        facts=model_rows.facts(session, provider, model),
        credentials=credentials,
        watched=(provider.alert_nano_usd_per_day, provider.stop_nano_usd_per_day) != (None, None),
    )
    if not credentials and provider.dialect != "demo":
        return Skipped(model_id, "the provider has no active API key", found)
    return found


def credentials_of(
    session: Session, provider: Provider, project_id: str | None
) -> tuple[CredentialValue, ...]:
    """Return the provider's usable secrets, the project's own before the workspace's."""
    rows = session.scalars(
        select(Credential)
        .where(
            Credential.provider_id == provider.id,
            Credential.active,
            Credential.key_id.is_(None),
            or_(Credential.project_id.is_(None), Credential.project_id == project_id),
        )
        .order_by(Credential.project_id.is_(None), Credential.created_at)
    )
    origin = origin_of(provider.base_url)
    values = [unsealed(row, origin) for row in rows]
    return tuple(value for value in values if value is not None)


def unsealed(row: Credential, origin: str) -> CredentialValue | None:
    """Return the decrypted secret; None when it was sealed with another key or for another origin."""
    try:
        return CredentialValue(row.id, row.name, sealer.unseal(row.sealed, row.id, origin))
    except CannotUnseal:
        return None
