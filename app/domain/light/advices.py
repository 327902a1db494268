"""The answer of POST /runtime/light/advice: what to ask, and why, in plain words (K9, K20)."""

from __future__ import annotations

from typing import Any

from app.domain import kagu
from app.domain.light.costs import list_nano_usd
from app.domain.light.tiers import tier_of
from app.domain.light.told import Told
from app.domain.policies.errors import PolicyBlocked
from app.domain.policies.governed import Governed
from app.domain.policies.rules import ALLOW, BLOCK, DOWNGRADE, FALLBACK, Ruling
from app.domain.pricing import nano_to_usd
from app.domain.records import Record
from app.domain.rollouts import OFF
from app.domain.routing.needs import USUAL_OUTPUT
from app.domain.targets import Candidate, Plan, Target

MOST_TOLD = 20
REASONS = {
    ALLOW: "The rule “{rule}” lets the requested model answer.",
    DOWNGRADE: "The rule “{rule}” puts {models} in the place of {requested}.",
    FALLBACK: "The rule “{rule}” has {requested} answer, and {models} stand in for it.",
}


def advice(record: Record, plan: Plan) -> dict[str, Any]:
    """Return what a client does with its own request; BLOCK is an answer like the others, without a model."""
    target, told = record.target, record.call.told
    assert target is not None and target.policy is not None and told is not None
    policy, first = target.policy, plan.candidates[0] if plan.candidates else None
    return {
        "requestId": kagu.request_id(record),
        "action": policy.ruling.action,
        "reason": reason(policy, target, plan, told),
        "message": message(policy.ruling),
        **answerer(first),
        "candidates": [candidate.model_id for candidate in plan.candidates],
        "excluded": excluded(record, target),
        "requestedModel": target.requested,
        "policyKey": policy.key,
        "policyVersion": policy.version,
        "rule": policy.ruling.rule or None,
        "rolloutState": policy.state,
        "arm": target.arm.name if target.arm else None,
        "promptVersion": policy.ruling.prompt or told.prompt_version or None,
        **prompt(target, told),
        **bounds(policy.ruling),
        **estimate(first, told),
        "cacheLookup": told.cache_lookup,
    }


def answerer(first: Candidate | None) -> dict[str, Any]:
    """Return which model to ask, and at which provider."""
    if first is None:
        return {"provider": None, "model": None, "modelId": None, "capabilityTier": None}
    return {
        "provider": first.provider_slug.upper(),
        "model": first.model,
        "modelId": first.model_id,
        "capabilityTier": tier_of(first.facts),
    }


def message(ruling: Ruling) -> str | None:
    """Return what to tell the end user of a blocked request."""
    return (ruling.message or PolicyBlocked.default) if ruling.action == BLOCK else None


def reason(policy: Governed, target: Target, plan: Plan, told: Told) -> str:
    """Say in plain words how it came to this."""
    ruling = policy.ruling
    if ruling.action == BLOCK:
        return f"The rule “{ruling.rule}” lets nobody answer."
    if policy.state == OFF:
        return f"The policy is switched off, so {by_default(target, plan, told)}."
    if not ruling.rule:
        return f"No rule of the policy fits this request, so {by_default(target, plan, told)}."
    others = [model for model in ruling.models if ruling.action != FALLBACK or model != target.requested]
    text = REASONS[ruling.action].format(
        rule=ruling.rule, models=", ".join(others), requested=target.requested
    )
    left = plan.candidates[0].model_id
    return text if target.routed or left == policy.first or not policy.first else f"{text} {left} is left."


def by_default(target: Target, plan: Plan, told: Told) -> str:
    """Say who answers where no rule says so."""
    first = plan.candidates[0].model_id
    if target.routed:
        return f"Sluice chose {first}"
    if told.tier and not told.model:
        return f"{first} answers, the cheapest of the tier {told.tier}"
    return "the requested model answers"


def excluded(record: Record, target: Target) -> list[dict[str, str]]:
    """Return the models that were named but may not or cannot answer, and why; not those of a free choice."""
    if target.routed:
        return []
    considered = record.decision.considered if record.decision else ()
    found = [(each.model_id, "; ".join(each.reasons)) for each in considered if each.filtered_out_by]
    found += [(each.model_id, each.reason) for each in target.skipped]
    return [{"model": model, "reason": why} for model, why in found[:MOST_TOLD]]


def prompt(target: Target, told: Told) -> dict[str, Any]:
    """Return the system prompt and template that the rule names, where they are asked for."""
    if not told.includes_prompt or target.policy is None or not target.policy.ruling.prompt:
        return {}
    return {"prompt": {"system": target.config.prompt, "template": target.config.user_prompt_template}}


def bounds(ruling: Ruling) -> dict[str, Any]:
    """Return what the rule allows to be paid: the client's own call must keep to it."""
    allowed = {
        "maxUsdPerRequest": ruling.bounds.max_nano_usd_per_request,
        "maxInputUsdPerMillion": ruling.bounds.max_input_nano_usd_per_million,
    }
    return {name: None if nano_usd is None else nano_to_usd(nano_usd) for name, nano_usd in allowed.items()}


def estimate(first: Candidate | None, told: Told) -> dict[str, Any]:
    """Return about what the request will cost at the catalog's prices, where its length is told."""
    if first is None or told.input_tokens is None:
        return {"estimatedCostUsd": None}
    usual = USUAL_OUTPUT.get(told.task_type, USUAL_OUTPUT["chat"])
    output_tokens = usual if told.output_tokens is None else min(usual, told.output_tokens)
    cost = list_nano_usd(first.facts, told.input_tokens, output_tokens)
    return {
        "estimatedCostUsd": None if cost is None else nano_to_usd(cost),
        "estimatedOutputTokens": output_tokens,
    }
