"""Light mode: what the policy says of a call that the client makes itself (K9, K20)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.catalog import Model
from app.domain.errors import InvalidRequest, NotFound
from app.domain.light import asks, tiers
from app.domain.light.told import Told
from app.domain.lineups import Lineup
from app.domain.model_names import AUTO
from app.domain.policies.contexts import Context
from app.domain.targets import Target
from app.services import lineups, live_policies, model_targets, policy_targets
from app.services.live_policies import LivePolicy
from app.services.policy_targets import Asked

REQUEST_ID = "x-kagu-request-id"


def find(caller: Caller, call: Call, *, fresh: bool = False) -> Target:
    """Return the models that the policy leaves, as the proxy finds them; providers need no key for it."""
    model_targets.check_key(caller)
    context, told = asks.read(call.body, call.headers.get(REQUEST_ID))
    policy = policy_of(caller, context, fresh=fresh)
    call.told, call.chat = told, told.as_chat()
    asked = asked_of(caller, context, told, fresh=fresh)
    return policy_targets.target_for(policy, asked, call, fresh=fresh)


def policy_of(caller: Caller, context: Context, *, fresh: bool) -> LivePolicy:
    """Return the policy that the body names; raise NotFound."""
    try:
        return live_policies.find(caller, context.policy_key, fresh=fresh)
    except NotFound as error:
        raise NotFound(error.message, param="policyKey") from None


def asked_of(caller: Caller, context: Context, told: Told, *, fresh: bool) -> Asked:
    """Return the request as rules see it."""
    elsewhere = replace(caller, asks_elsewhere=told.provider)
    return Asked(
        elsewhere,
        context,
        (requested_of(elsewhere, told, fresh=fresh),),
        told.as_chat(),
        told.streaming,
        told.task_type,
        told.input_tokens or 0,
    )


def requested_of(caller: Caller, told: Told, *, fresh: bool) -> str:
    """Return the model asked for: by name, else the cheapest of the tier, else ours to choose."""
    if told.model:
        return told.model
    if not told.tier:
        return AUTO
    found = tiers.cheapest(told.tier, choices(lineups.find(caller, fresh=fresh), told.provider))
    if found is None:
        text = f"No model of the tier '{told.tier}' has a known price here. Name one in 'requestedModel'."
        raise InvalidRequest(text, param="requestedCapabilityTier")
    return found


def choices(lineup: Lineup, provider: str) -> Iterable[tuple[str, Model]]:
    """Return the models of one provider, else of those set up here, else all that are known."""
    real = {slug for slug, seller in lineup.sellers.items() if seller.dialect != "demo"}
    found = [
        (model_id, facts)
        for model_id, facts in lineup.models.items()
        if (slug := model_id.partition("/")[0]) in real and provider in ("", slug)
    ]
    if found or provider:
        return found
    return [(each.id, each) for each in lineup.known.list() if each.vendor in real]
