"""Light mode and the proxy say the same: for every user, share, rule and word about the call."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from flask import Flask

from app.domain.actors import SYSTEM
from app.domain.calls import Call
from app.domain.errors import GatewayError
from app.domain.policies.rules import parse_policy
from app.domain.rollouts import CANARY, FULL, SHADOW, RolloutFacts
from app.domain.targets import Target
from app.services import advice, callers, live_policies, policies, policy_targets, projects, routing
from tests.providers_world import add_provider
from tests.upstream import Upstream
from tests.world import Tenant, World

CHEAP, DEAR = "openai/gpt-4o-mini", "openai/gpt-4o"
OLD = [
    {"label": "Trials", "when": {"trial_status": ["EXPIRED"]}, "action": "BLOCK"},
    {
        "label": "Free",
        "when": {"plan": "free"},
        "action": "DOWNGRADE",
        "models": [CHEAP, "anthropic/claude-haiku-4-5"],
    },
    {"label": "Not here", "when": {"region": "eu"}, "providers": ["anthropic"]},
    {
        "label": "Dear",
        "when": {"model": "openai/gpt-4o"},
        "action": "FALLBACK",
        "models": [CHEAP],
        "min_quality": 65,
    },
]
NEW = [
    {
        "label": "Web",
        "when": {"platform": "web", "country": {"not": ["nz"]}},
        "action": "DOWNGRADE",
        "models": [CHEAP],
    },
    {"label": "Short", "when": {"locale": "en"}, "max_input_usd_per_million": "1"},
]
ROLLOUTS = [None, (SHADOW, 0), (CANARY, 100), (CANARY, 5_000), (FULL, 10_000)]
SAID: list[dict[str, str]] = [
    {}, {"plan": "FREE"}, {"trial_status": "expired"}, {"region": "EU"}, {"platform": "Web", "country": "US"},
    {"platform": "web", "country": "nz", "locale": "en-GB"},
]  # fmt: skip
HEADERS = {"plan": "plan-id", "trial_status": "trial-status"}
FIELDS = {"plan": "planKey", "trial_status": "trialStatus"}
MODELS = [DEAR, CHEAP, "anthropic/claude-haiku-4-5"]


@pytest.fixture
def tenant(app: Flask, world: World, upstream: Upstream) -> Tenant:
    tenant = world.acme
    where = SYSTEM, tenant.workspace.id, tenant.project.id
    projects.update(*where, {"surfaces": ["proxy", "light"]})
    add_provider(tenant, upstream, "openai")
    add_provider(tenant, upstream, "anthropic", dialect="anthropic")
    policies.create(*where, {"key": "chat", "rules": OLD})
    return tenant


def call_of(tenant: Tenant, surface: str, body: dict[str, Any], headers: dict[str, str]) -> Call:
    return Call(
        surface=surface,
        dialect="openai",
        read_body=lambda: b"",
        request_id="0",
        headers={**tenant.headers, **headers},
        names_model=True,
        by_policy=surface == "proxy",
        body=body,
    )


def by_proxy(tenant: Tenant, user: str, model: str, said: dict[str, str]) -> tuple[Any, ...]:
    told = {f"x-kagu-{HEADERS.get(name, name)}": value for name, value in said.items()}
    headers = {"x-kagu-user-id": user, "x-kagu-policy-key": "Chat", **told}
    call = call_of(tenant, "proxy", {"model": model, "messages": []}, headers)
    return outcome(call, policy_targets.find)


def by_light(tenant: Tenant, user: str, model: str, said: dict[str, str]) -> tuple[Any, ...]:
    provider, _, name = model.partition("/")
    told = {FIELDS.get(fact, fact): value for fact, value in said.items()}
    asked = {"requestedProvider": provider.upper(), "requestedModel": name}
    body = {"userId": user, "policyKey": "chat", **asked, **told}
    return outcome(call_of(tenant, "light", body, {}), advice.find)


def outcome(call: Call, find: Any) -> tuple[Any, ...]:
    """Return what a door makes of a call: ruling, side of the rollout, and who may answer in which order."""
    caller = callers.identify(call)
    target: Target = find(caller, call)
    assert target.policy is not None
    said = target.policy.version, target.policy.state, target.policy.ruling, target.policy.first, target.arm
    try:
        return *said, [each.model_id for each in routing.plan(caller, target, call).candidates]
    except GatewayError as error:
        return *said, (error.status, error.message)


def test_both_doors_say_the_same(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = callers.identify(call_of(tenant, "light", {}, {}))
    live = live_policies.find(caller, "chat")
    versions = {1: live.versions[1], 2: parse_policy({"rules": NEW})}
    seen, arms = set(), set()
    for rollout in ROLLOUTS:
        facts = None if rollout is None else RolloutFacts("r", *rollout, 1, 2)
        policy = replace(live, versions=versions, rollout=facts)
        monkeypatch.setattr(live_policies, "find", lambda *_, p=policy, **__: p)
        for number, (said, model) in enumerate(product(SAID, MODELS)):
            for user in (f"user_{number}", f"user_{number + 100}"):
                proxied = by_proxy(tenant, user, model, said)
                assert by_light(tenant, user, model, said) == proxied
                seen.add(proxied[2].rule), arms.add(proxied[4] and proxied[4].name)
    assert seen >= {"", "Trials", "Free", "Not here", "Dear", "Web", "Short"} and arms == {None, "old", "new"}
