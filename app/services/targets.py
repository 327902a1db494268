"""Finds what a call is for: the endpoint's version and the candidates behind its models."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.budgets import BudgetFacts
from app.domain.callers import Caller, may_call
from app.domain.calls import Call
from app.domain.endpoint_routes import models_of_rules
from app.domain.endpoints import parse_config
from app.domain.errors import NotAllowed, NotFound
from app.domain.gateway_settings import GatewaySettings
from app.domain.providers import origin_of
from app.domain.rollouts import RolloutFacts
from app.domain.targets import Candidate, CredentialValue, Skipped, Target
from app.domain.wanted import Wanted, wanted
from app.models import (
    Budget,
    Credential,
    Endpoint,
    EndpointVersion,
    Project,
    Provider,
    Publication,
    Rollout,
)
from app.services import budgets, live_policies, model_rows, stamps, turns
from app.services.cache import Cache
from app.services.sealing import CannotUnseal, sealer

# Asked along with the endpoint: most have neither, and a look spared is 0.5 ms of a first call.
HAS_BUDGETS = exists().where(Budget.scope_type == "endpoint", Budget.scope_id == Endpoint.id, Budget.active)
HAS_ROLLOUT = exists().where(Rollout.subject_id == Endpoint.id, Rollout.ended_at.is_(None))

_known: Cache[tuple[str, Wanted], Target] = Cache(20_000)


def find(caller: Caller, call: Call, *, fresh: bool = False) -> Target:
    """Return the endpoint that the call names; raise NotFound when unknown or inactive (O44)."""
    return find_named(caller, wanted(call), fresh=fresh)


def find_named(caller: Caller, named: Wanted, *, fresh: bool = False) -> Target:
    """Return an endpoint's version; raise NotFound when unknown or inactive."""
    if not may_call(caller, named.slug):
        raise NotAllowed(f"This key may not call the endpoint '{named.slug}'.")
    target = None if fresh else known(caller, named)
    return target or turns.read_once(
        f"endpoint {caller.project_id} {named}", lambda: known(caller, named), lambda: read(caller, named)
    )


def known(caller: Caller, named: Wanted) -> Target | None:
    """Return the remembered target, where it holds for the caller."""
    target = _known.get((caller.project_id, named))
    if target is None or not stamps.holds_for(caller, target.config_stamp, target.read_at):
        return None
    return target


def read(caller: Caller, named: Wanted) -> Target:
    """Read and remember the target; raise NotFound."""
    began = stamps.begin(caller)
    target = database.read(lambda session: load(session, caller, named, began))
    _known.put((caller.project_id, named), target)
    return target


def load(session: Session, caller: Caller, named: Wanted, began: float) -> Target:
    """Read the endpoint, the version that is asked for and its candidates."""
    row = session.execute(
        select(Endpoint, Project, HAS_BUDGETS, HAS_ROLLOUT)
        .join(Project, Project.id == Endpoint.project_id)
        .where(Endpoint.project_id == caller.project_id, Endpoint.slug == named.slug, Endpoint.active)
    ).first()
    if row is None:
        raise NotFound("Endpoint not found.")
    endpoint, project, has_budgets, has_rollout = row
    version = version_for(session, endpoint, named)
    config = parse_config(version.config)
    if named.model:
        config = replace(config, model=named.model, failover=(), routing=())
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
        read_at=began,
        limits=config.limits,
        gateway=GatewaySettings(**project.gateway),
        budgets=budgets_of(session, endpoint) if has_budgets else (),
        rollout=rollout_facts(session, endpoint.id) if has_rollout and named == Wanted(named.slug) else None,
        by_rule=tuple(candidate_for(session, caller, model_id) for model_id in models_of_rules(config)),
    )


def budgets_of(session: Session, endpoint: Endpoint) -> tuple[BudgetFacts, ...]:
    """Return the endpoint's budgets."""
    return budgets.facts(session, [("endpoint", endpoint.id, f"the endpoint “{endpoint.slug}”")])


def rollout_facts(session: Session, endpoint_id: str) -> RolloutFacts | None:
    """Return what calls must know of the endpoint's rollout, where one is under way."""
    row = live_policies.rollout_of(session, endpoint_id)
    return live_policies.facts_of(row) if row else None


def version_for(session: Session, endpoint: Endpoint, named: Wanted) -> EndpointVersion:
    """Return the version that answers; raise NotFound for one that callers never got answers from."""
    if named.version is None:
        return session.get_one(EndpointVersion, endpoint.published_version_id)
    version = session.scalars(
        select(EndpointVersion).where(
            EndpointVersion.endpoint_id == endpoint.id, EndpointVersion.number == named.version
        )
    ).first()
    if version is None or not (named.drafts or was_published(session, version)):
        raise NotFound(f"Version {named.version} of '{named.slug}' does not exist or was never published.")
    return version


def was_published(session: Session, version: EndpointVersion) -> bool:
    """Say whether a version has ever answered calls."""
    return bool(session.scalar(select(exists().where(Publication.version_id == version.id))))


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
