"""The policy door: a project's policy decides which model answers whom (K3-K8, K13-K19)."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.services import policies
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.upstream import Upstream
from tests.upstream_replies import error_reply
from tests.world import World

URL = "/runtime/proxy/chat/completions"
MODEL, CHEAP = "openai/gpt-4o", "openai/gpt-4o-mini"
BODY: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}
RULES = [
    {
        "label": "No trials",
        "when": {"trial_status": "EXPIRED"},
        "action": "BLOCK",
        "message": "Please upgrade.",
    },
    {"label": "Free users", "when": {"plan": "free"}, "action": "DOWNGRADE", "models": [CHEAP]},
    {"label": "Stand in", "when": {"region": "eu"}, "action": "FALLBACK", "models": [CHEAP]},
]
WHO = {"x_kagu_user_id": "user_123", "x_kagu_policy_key": "Support_Chat"}


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    made = make_proxy(world.acme, upstream, client)
    fields = {"key": "support_chat", "rules": RULES}
    policies.create(SYSTEM, world.acme.workspace.id, world.acme.project.id, fields)
    return made


def post(proxy: Proxy, **headers: str) -> Any:
    return proxy.post(URL, BODY, **{**WHO, **headers})


def test_without_a_rule_the_requested_model_answers(proxy: Proxy) -> None:
    response = post(proxy)
    body = response.get_json()
    assert response.status_code == 200, body
    assert body["object"] == "chat.completion" and body["kagu"]["action"] == "ALLOW"
    assert body["kagu"]["rolloutState"] == "FULL" and body["kagu"]["policyVersion"] == 1
    assert body["kagu"]["usedFallback"] is False and body["kagu"]["model"] == MODEL
    assert proxy.record.end_user == "user_123" and proxy.record.policy_key == "support_chat"


def test_a_rule_gives_another_model(proxy: Proxy) -> None:
    body = post(proxy, x_kagu_plan_id="FREE").get_json()
    assert body["kagu"]["action"] == "DOWNGRADE" and body["kagu"]["rule"] == "Free users"
    assert body["kagu"]["model"] == CHEAP and body["kagu"]["modelRequested"] == MODEL
    assert proxy.upstream.requests[-1].json["model"] == "gpt-4o-mini"
    assert proxy.record.action == "DOWNGRADE" and proxy.record.plan == "free"
    assert (proxy.record.savings_nano_usd or 0) > 0


def test_a_model_stands_in(proxy: Proxy) -> None:
    proxy.upstream.script("gpt-4o", error_reply(500))
    body = post(proxy, x_kagu_region="EU").get_json()
    assert body["kagu"]["action"] == "FALLBACK" and body["kagu"]["usedFallback"] is True


def test_a_rule_blocks_before_anything_is_asked(proxy: Proxy) -> None:
    response = post(proxy, x_kagu_trial_status="expired")
    assert response.status_code == 403
    assert response.get_json()["error"]["code"] == "policy_blocked"
    assert response.get_json()["error"]["message"] == "Please upgrade."
    assert "kagu" not in response.get_json() and not proxy.upstream.requests
    assert proxy.record.action == "BLOCK" and proxy.record.cost_nano_usd == 0


@pytest.mark.parametrize("name", ["x_kagu_user_id", "x_kagu_policy_key"])
def test_a_missing_header_is_400_after_auth(proxy: Proxy, name: str) -> None:
    headers = {key: value for key, value in WHO.items() if key != name}
    response = proxy.post(URL, BODY, **headers)
    assert response.status_code == 400
    assert name.replace("_", "-") in response.get_json()["error"]["message"]
    assert proxy.client.post(URL, json=BODY, headers=headers).status_code == 401


def test_an_id_of_a_request_serves_once(proxy: Proxy) -> None:
    first = post(proxy, x_kagu_request_id="req_abc_001")
    assert first.get_json()["kagu"]["requestId"] == proxy.record.client_request_id == "req_abc_001"
    again = post(proxy, x_kagu_request_id="req_abc_001")
    assert again.status_code == 409 and again.get_json()["error"]["code"] == "request_id_conflict"
    assert len(proxy.upstream.requests) == 1


def test_a_stream_tells_it_in_headers(proxy: Proxy) -> None:
    response = proxy.post(URL, {**BODY, "stream": True}, **WHO)
    assert response.headers["x-kagu-action"] == "ALLOW" and response.headers["x-kagu-rollout-state"] == "FULL"
    assert response.headers["x-kagu-used-fallback"] == "false" and response.headers["x-kagu-request-id"]
    assert response.get_data(as_text=True).rstrip().endswith("[DONE]")


def test_a_receipt_tells_a_policy_that_was_switched_off_from_one_without_a_rule(proxy: Proxy) -> None:
    place = proxy.tenant.workspace.id, proxy.tenant.project.id
    [view] = policies.list_all(SYSTEM, *place)
    for active, state in ((True, "FULL"), (False, "OFF")):
        policies.set_active(SYSTEM, place[0], view.policy.id, active)
        body = post(proxy, x_kagu_region="us").get_json()
        told = proxy.get(f"/v1/receipts/{proxy.record.id}").get_json()["policy"]
        assert (told["state"], told["rule"], body["kagu"]["rolloutState"]) == (state, None, state)


def test_a_conversation_stays_with_its_model_until_the_policy_says_otherwise(proxy: Proxy) -> None:
    workspace_id, project_id = proxy.tenant.workspace.id, proxy.tenant.project.id
    [view] = policies.list_all(SYSTEM, workspace_id, project_id)
    turns = [
        *BODY["messages"],
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "How?"},
    ]

    def answered_by(messages: Any, **headers: str) -> str:
        answer = proxy.post(URL, {"model": "auto", "messages": messages}, **WHO, **headers).get_json()
        return str(answer["kagu"]["model"])

    first = answered_by(BODY["messages"], x_routing="quality")
    assert first not in (CHEAP, answered_by([{"role": "user", "content": "Hello"}]))
    ours = {"label": "Ours", "action": "DOWNGRADE", "models": ["auto"]}
    for rules in (RULES, [ours]):  # both leave the choice to the gateway
        policies.save(SYSTEM, workspace_id, view.policy.id, {"rules": rules})
        assert answered_by(turns) == first and proxy.record.routing["sticky"]
    for rule in (
        {"action": "DOWNGRADE", "models": [CHEAP]},
        {"excluded_providers": [first.partition("/")[0]]},
    ):
        policies.save(SYSTEM, workspace_id, view.policy.id, {"rules": [{"label": "Now", **rule}]})
        assert answered_by(turns) != first
        assert proxy.record.policy_rule == "Now"
