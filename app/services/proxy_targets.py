"""Finds what a forwarded call is for: a provider of the caller's workspace and a model there (M1, O18)."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.endpoints import EndpointConfig
from app.domain.errors import InvalidRequest, NotAllowed, NotFound, ScopeExceeded
from app.domain.forwarding import MODELS, Route, route_of
from app.domain.forwarding_rules import check_body, check_fallbacks
from app.domain.gateway_settings import GatewaySettings
from app.domain.holds import terms_of
from app.domain.ids import is_slug
from app.domain.key_rules import NO_RULES
from app.domain.provider_errors import ProviderDisabled, ProviderPaused
from app.domain.targets import Candidate, Target
from app.models import Project, Provider
from app.services import answer_ids, model_rows, stamps, turns
from app.services.cache import Cache
from app.services.targets import credentials_of

MOST_MODEL_NAME = 200
UNKNOWN = (
    "There is no such provider in this workspace. The address is /v1/{provider}/…, for example /v1/openai."
)
_known: Cache[tuple[str, str, str], Target] = Cache(20_000)


def find(caller: Caller, call: Call, *, fresh: bool = False) -> Target:
    """Return the provider's route that the call names; raise NotFound, or why it cannot be used now."""
    slug, _, path = call.path.partition("/")
    if not is_slug(slug):
        raise NotFound(UNKNOWN)
    if caller.endpoints is not None:
        raise NotAllowed("This key may only call certain endpoints, not a provider's own routes.")
    model = model_of(call)
    target = (None if fresh else known(caller, slug, model)) or turns.read_once(
        f"provider {caller.project_id} {slug}/{model}",
        lambda: known(caller, slug, model),
        lambda: read(caller, slug, model),
    )
    route = route_at(target, path)
    target = replace(target, slug=f"{slug}/{route.path}"[:64], operation=route.operation)
    if route.operation != MODELS:
        check_model(caller, target)
        check_fallbacks(call.body, caller.rules)
        check_body(call.body, counts_money=terms_of(caller, target).needs_price)
    return replace(target, history_tokens=answer_ids.history_tokens(caller, call))


def known(caller: Caller, slug: str, model: str) -> Target | None:
    """Return the remembered target, where it holds for the caller."""
    target = _known.get((caller.project_id, slug, model))
    if target is None or not stamps.holds_for(caller, target.config_stamp, target.read_at):
        return None
    return target


def read(caller: Caller, slug: str, model: str) -> Target:
    """Read and remember the target; raise what `find` raises."""
    began = stamps.begin(caller)
    target = database.read(lambda session: load(session, caller, slug, model, began))
    _known.put((caller.project_id, slug, model), target)
    return target


def model_of(call: Call) -> str:
    """Return the model that the body names; empty for the list of models; InvalidRequest without one."""
    if call.scope == MODELS:
        return ""
    model = call.body.get("model")
    if not isinstance(model, str) or not 0 < len(model) <= MOST_MODEL_NAME:
        raise InvalidRequest("Name the model in the body field 'model'.", param="model")
    return model


def route_at(target: Target, path: str) -> Route:
    """Return the route at the target's provider; raise NotFound when that does not speak it."""
    candidate = target.candidates[0]
    route = route_of(path, candidate.dialect)
    if route is None:
        who = f"The provider '{candidate.provider_slug}' speaks the dialect '{candidate.dialect}'"
        raise NotFound(f"{who}: there is no '{path}' at it.")
    return route


def check_model(caller: Caller, target: Target) -> None:
    """Raise ScopeExceeded for a model that is not on the key's list; other rules are routing's (A19)."""
    model_id = target.candidates[0].model_id
    if caller.rules.models and not replace(NO_RULES, models=caller.rules.models).allows(model_id):
        text = f"This key may not use the model '{model_id}'. It may use: {', '.join(caller.rules.models)}."
        raise ScopeExceeded(text, param="model")


def load(session: Session, caller: Caller, slug: str, model: str, began: float) -> Target:
    """Read the provider, its credentials and what is known of the model."""
    where = Provider.workspace_id == caller.workspace_id, Provider.slug == slug
    provider = session.scalars(select(Provider).where(*where)).first()
    if provider is None:
        raise NotFound(UNKNOWN)
    check_state(provider)
    model_id = f"{slug}/{model}" if model else slug
    project = session.get_one(Project, caller.project_id)
    candidate = Candidate(
        model_id=model_id,
        provider_id=provider.id,
        provider_slug=provider.slug,
        provider_name=provider.name,
        dialect=provider.dialect,
        base_url=provider.base_url,
        model=model,
        facts=model_rows.facts(session, provider, model) if model else None,
        credentials=credentials_of(session, provider, caller.project_id),
        watched=(provider.alert_nano_usd_per_day, provider.stop_nano_usd_per_day) != (None, None),
    )
    return Target(
        workspace_id=caller.workspace_id,
        project_id=caller.project_id,
        endpoint_id=None,
        slug=slug,
        version=None,
        config=EndpointConfig(model=model_id, streaming_enabled=True),
        candidates=(candidate,),
        skipped=(),
        log_content=project.log_content,
        gateway=GatewaySettings(**project.gateway),
        config_stamp=caller.config_stamp,
        read_at=began,
        forwards=True,
    )


def check_state(provider: Provider) -> None:
    """Raise unless the provider may be called by name (C4)."""
    if not provider.active:
        raise ProviderDisabled(f"Provider '{provider.slug}' is disabled in this gateway.")
    if provider.paused_at is not None:
        raise ProviderPaused(f"Provider '{provider.slug}' is paused.")
