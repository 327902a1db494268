"""Light mode: advice before the client's own call, the same as the proxy's (K9, K20)."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.arm_counts import Counts
from app.domain.light import asks, reports
from app.services import arm_sums, endpoints, keys, policies, providers, rollouts
from app.services import records as records_service
from tests.gateway.light_world import (
    ADVICE,
    ASKED,
    AWAY,
    CHAT,
    CHEAP,
    HEADERS,
    MODEL,
    REQUESTS,
    WHO,
    advice,
    everything,
    make_light,
    report,
)
from tests.gateway.passthrough_world import Proxy
from tests.upstream import Upstream
from tests.upstream_replies import openai_completion
from tests.world import World


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    return make_light(world.acme, upstream, client)


def test_without_a_rule_the_requested_model_is_advised(proxy: Proxy) -> None:
    before = everything()
    told = advice(
        proxy,
        inputTokens=1_000_000,
        maxOutputTokens=1,
        cacheLookup={"key": "k", "hit": False},
        promptVersion="v7",
    )
    assert told["action"] == "ALLOW" and told["rolloutState"] == "FULL" and told["arm"] is None
    assert (told["provider"], told["model"], told["modelId"]) == ("OPENAI", "gpt-4o", MODEL)
    assert told["capabilityTier"] == "standard" and told["candidates"] == [MODEL]
    assert told["policyKey"] == "support_chat" and told["policyVersion"] == 1 and told["rule"] is None
    assert told["cacheLookup"] == {"key": "k", "hit": False} and told["promptVersion"] == "v7"
    assert told["estimatedCostUsd"] == "2.50001" and told["requestId"]
    assert everything() == before, "advice is nobody's request, and costs nothing"


@pytest.mark.parametrize(
    ("more", "action", "candidates", "words"),
    [
        ({"planKey": "FREE"}, "DOWNGRADE", [CHEAP], "in the place of"),
        ({"region": "EU"}, "FALLBACK", [MODEL, CHEAP], "stand in"),
        ({"country": "nz"}, "DOWNGRADE", [AWAY], "in the place of"),
        ({"cohortKey": "a"}, "ALLOW", [MODEL], "No rule"),
    ],
)
def test_a_rule_decides(
    proxy: Proxy, more: dict[str, str], action: str, candidates: list[str], words: str
) -> None:
    told = advice(proxy, **more)
    assert told["action"] == action and told["candidates"] == candidates and words in told["reason"]
    assert told["modelId"] == candidates[0]
    assert told["provider"] == candidates[0].split("/")[0].upper()


def test_a_blocked_request_is_an_answer_without_a_model(proxy: Proxy) -> None:
    told = advice(proxy, trialStatus="expired", requestedModel="no-such-model")
    assert told["action"] == "BLOCK" and told["message"] == "Please upgrade."
    assert told["model"] is None and told["provider"] is None and told["candidates"] == []


def test_a_tier_picks_its_cheapest_model(proxy: Proxy) -> None:
    body = {**WHO, "requestedCapabilityTier": "PREMIUM", "requestedProvider": "anthropic"}
    told = proxy.post(ADVICE, body).get_json()
    assert told["capabilityTier"] == "premium" and told["provider"] == "ANTHROPIC"
    economy = proxy.post(ADVICE, {**WHO, "requestedCapabilityTier": "economy"}).get_json()
    assert economy["capabilityTier"] == "economy" and economy["provider"] in ("OPENAI", "ANTHROPIC")
    assert "the cheapest of the tier economy" in economy["reason"]
    chosen = proxy.post(ADVICE, WHO).get_json()
    assert chosen["action"] == "ALLOW" and f"Sluice chose {chosen['modelId']}" in chosen["reason"]


def test_providers_that_are_not_set_up_here_are_the_client_s_own(proxy: Proxy) -> None:
    told = advice(proxy, requestedProvider="GROQ", requestedModel="llama-3.3-70b-versatile")
    assert told["modelId"] == AWAY and told["provider"] == "GROQ"
    own = advice(proxy, requestedProvider="AZURE", requestedModel="my-deployment", inputTokens=10)
    assert own["modelId"] == "azure/my-deployment" and own["estimatedCostUsd"] is None
    assert (
        advice(proxy, requestedProvider=None, requestedModel="no-such-model", planKey="free")["modelId"]
        == CHEAP
    )
    unknown = proxy.post(ADVICE, {**ASKED, "requestedProvider": None, "requestedModel": "no-such-model"})
    assert unknown.status_code == 404


def test_what_a_rule_leaves_out_is_told_and_a_prompt_that_it_names(proxy: Proxy) -> None:
    where = SYSTEM, proxy.tenant.workspace.id, proxy.tenant.project.id
    saved = {"prompt": "Be brief.", "user_prompt_template": "Q: {{input}}"}
    endpoints.save(SYSTEM, proxy.tenant.workspace.id, proxy.tenant.endpoint.id, saved)
    bounds = {"max_usd_per_request": "0.02", "max_input_usd_per_million": "1", "prompt": "hello@2"}
    rule = {
        "label": "Cheap",
        "action": "FALLBACK",
        "models": [CHEAP, "anthropic/claude-sonnet-4-5"],
        **bounds,
    }
    policies.create(*where, {"key": "cheap", "rules": [rule]})
    told = advice(proxy, policyKey="cheap", includePrompt=True)
    assert told["candidates"] == [CHEAP] and told["reason"].endswith(f"{CHEAP} is left.")
    assert [each["model"] for each in told["excluded"]] == [MODEL, "anthropic/claude-sonnet-4-5"]
    assert all("costs more" in each["reason"] for each in told["excluded"])
    assert told["promptVersion"] == "hello@2"
    assert told["prompt"] == {"system": "Be brief.", "template": "Q: {{input}}"}
    assert told["maxUsdPerRequest"] == "0.02" and told["maxInputUsdPerMillion"] == "1.00"
    providers.update(SYSTEM, proxy.tenant.workspace.id, proxy.openai_id, {"active": False})
    away = proxy.post(ADVICE, {**ASKED, "policyKey": "cheap"})
    assert away.status_code == 400 and "costs more" in away.get_json()["error"]["message"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"userId": None}, "userId"),
        ({"policyKey": ""}, "policyKey"),
        ({"requestedCapabilityTier": "best"}, "requestedCapabilityTier"),
        ({"trialStatus": "maybe"}, "trialStatus"),
        ({"inputTokens": -1}, "inputTokens"),
        ({"temperature": "hot"}, "temperature"),
    ],
)
def test_what_is_wrong_is_named(proxy: Proxy, change: dict[str, Any], field: str) -> None:
    response = proxy.post(ADVICE, {**ASKED, **change})
    assert response.status_code == 400 and f"'{field}'" in response.get_json()["error"]["message"]


def test_unknown_fields_are_named_and_policies_found(proxy: Proxy, world: World) -> None:
    response = proxy.post(ADVICE, {**ASKED, "colour": "red"})
    assert response.status_code == 200 and "colour" in response.headers["X-Sluice-Warning"]
    assert response.headers["x-kagu-action"] == "ALLOW"
    assert proxy.post(ADVICE, {**ASKED, "policyKey": "nope"}).status_code == 404
    stranger = proxy.client.post(ADVICE, json=ASKED, headers=world.other.headers)
    assert stranger.status_code == 400 and stranger.get_json()["error"]["code"] == "wrong_project_type"
    assert proxy.client.post(ADVICE, json=ASKED).status_code == 401


def test_advice_counts_in_the_limits_of_the_key(proxy: Proxy) -> None:
    where = SYSTEM, proxy.tenant.workspace.id, proxy.tenant.project.id
    made = keys.create(*where, {"name": "slow", "limits": {"requests_per_minute": 2}})
    headers = {"Authorization": f"Bearer {made.secret}"}
    statuses = [
        proxy.client.post(path, json=ASKED, headers=headers).status_code
        for path in (ADVICE, REQUESTS, ADVICE)
    ]
    assert statuses == [200, 202, 429]


def test_both_doors_say_the_same_of_every_user(proxy: Proxy) -> None:
    workspace_id = proxy.tenant.workspace.id
    view = policies.list_all(SYSTEM, workspace_id, proxy.tenant.project.id)[0]
    rules = [{"label": "All", "action": "DOWNGRADE", "models": [CHEAP]}]
    policies.save(SYSTEM, workspace_id, view.policy.id, {"rules": rules}, live=False)
    rollouts.start(SYSTEM, workspace_id, "policy", view.policy.id, 2, {"share": 50})
    proxy.upstream.script("gpt-4o", *[openai_completion("Hi")] * 12)
    arms = set()
    for number in range(12):
        user = f"user_{number}"
        kagu = proxy.post(
            "/runtime/proxy/chat/completions", CHAT, **{**HEADERS, "x_kagu_user_id": user}
        ).get_json()["kagu"]
        told = advice(proxy, userId=user)
        report(proxy, userId=user, policyVersion=told["policyVersion"], arm=told["arm"])
        names = "action", "rolloutState", "policyKey", "policyVersion", "arm", "rule"
        assert {name: told[name] for name in names} == {name: kagu[name] for name in names}
        assert told["modelId"] == kagu["model"] and proxy.record.arm == told["arm"]
        arms.add(told["arm"])
    assert arms == {"old", "new"}
    told = arm_sums_of(proxy)
    assert told["old"].calls + told["new"].calls == 24 and told["new"].input_tokens > 1_000


def arm_sums_of(proxy: Proxy) -> dict[str, Counts]:
    records_service.writer.flush()
    rollout_id = proxy.record.rollout_id
    assert rollout_id is not None
    return database.read(lambda session: arm_sums.of(session, rollout_id))


RAW = [b"", b"[]", b"nul", b'{"userId": "u", "userId": "v"}', b'{"a":' * 70 + b"1" + b"}" * 70, b"\xff\xfe{}"]
ODD: list[Any] = [
    None,
    True,
    -1,
    1.5,
    10**30,
    "",
    "x" * 300,
    "\x00",
    "\ud800",
    [None],
    {"a": 1},
    "/",
    ":",
    "a/",
    "/b",
]


def test_no_odd_body_breaks_a_door(proxy: Proxy) -> None:
    chance = random.Random(3)
    names = [*fields_of(ADVICE), *fields_of(REQUESTS), "unknown"]
    bodies = [{**ASKED, **{chance.choice(names): chance.choice(ODD) for _ in range(2)}} for _ in range(90)]
    sent = [*RAW, *(json.dumps(body).encode() for body in bodies)]
    answers = [(path, proxy.post(path, body)) for body in sent for path in (ADVICE, REQUESTS)]
    statuses = {response.status_code for _, response in answers}
    assert statuses <= {200, 202, 400, 404, 409, 415} and {200, 202, 400} <= statuses
    for _, response in answers:
        assert response.status_code < 400 or response.get_json()["error"]["message"]


def fields_of(path: str) -> list[str]:
    """Return the fields that a door's body may have."""

    class Noted(dict[str, Any]):
        def get(self, name: str, default: Any = None) -> Any:
            names.append(name)
            return super().get(name, default)

    names: list[str] = []
    body = Noted(WHO)
    asks.read(body, None) if path == ADVICE else reports.read(body, None, datetime.now(UTC))
    return names
