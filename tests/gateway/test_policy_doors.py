"""The policy door beside everything else: the order of its errors, money, and each feature of the gateway."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.database import database
from app.domain.actors import SYSTEM
from app.models import IdempotencyKey, Memory, Plan
from app.services import aliases, keys, plugin_settings, policies, projects, providers
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.money import USD, account_of, make_prepaid, mistakes, rows, set_budget, top_up
from tests.providers_world import add_endpoint, add_provider, set_price
from tests.upstream import Upstream
from tests.upstream_replies import SSE, Cut, Reply, error_reply, openai_completion, openai_events
from tests.world import World

URL = "/runtime/proxy/chat/completions"
DEAR, CHEAP = "openai/dear", "openai/cheap"
HI = [{"role": "user", "content": "Hi"}]
BODY: dict[str, Any] = {"model": DEAR, "messages": HI, "max_tokens": 50}
WHO = {"x_kagu_user_id": "user_123", "x_kagu_policy_key": "support"}


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    made = make_proxy(world.acme, upstream, client)
    set_price(world.acme, DEAR, input_usd_per_million="10", output_usd_per_million="100")
    set_price(world.acme, CHEAP, input_usd_per_million="1", output_usd_per_million="10")
    return made


def govern(proxy: Proxy, *rules: dict[str, Any]) -> None:
    """Give the project the policy `support`."""
    named = [{"label": f"Rule {number}", **rule} for number, rule in enumerate(rules)]
    fields = {"key": "support", "rules": named}
    policies.create(SYSTEM, proxy.tenant.workspace.id, proxy.tenant.project.id, fields)


def change_project(proxy: Proxy, **fields: Any) -> None:
    projects.update(SYSTEM, proxy.tenant.workspace.id, proxy.tenant.project.id, fields)


def ask(proxy: Proxy, body: dict[str, Any] | None = None, **headers: str) -> Any:
    return proxy.post(URL, body or BODY, **{**WHO, **headers})


def told(proxy: Proxy, body: dict[str, Any] | None = None, **headers: str) -> Any:
    """Return the `kagu` object of a call that succeeds."""
    response = ask(proxy, body, **headers)
    assert response.status_code == 200, response.get_json()
    return response.get_json()["kagu"]


def error_of(proxy: Proxy, body: Any, headers: dict[str, str], *, known: bool = True) -> tuple[int, str, Any]:
    """Return status, code and param of a call that is refused; such an answer has no `kagu`."""
    if known:
        response = proxy.post(URL, body, **headers)
    else:
        response = proxy.client.post(URL, json=body)
    told = response.get_json()
    assert set(told) == {"error"} and "x-kagu-action" not in response.headers, told
    return response.status_code, told["error"]["code"], told["error"]["param"]


def test_what_is_wrong_is_told_in_the_order_of_the_pipeline(proxy: Proxy) -> None:
    tenant = proxy.tenant
    workspace_id, key_id = tenant.workspace.id, tenant.key.id
    govern(proxy, {"action": "BLOCK", "when": {"trial_status": "EXPIRED"}})
    make_prepaid(tenant, USD)
    who = {**WHO, "x_kagu_request_id": "req-1"}
    keys.update(SYSTEM, workspace_id, key_id, {"limits": {"requests_per_minute": 1}})
    assert proxy.post(URL, BODY, **who).status_code == 200
    set_price(tenant, DEAR, input_usd_per_million="9000", output_usd_per_million="900000")
    words = {"words": ["forbidden"], "action": "block", "on": "input"}
    change_project(proxy, surfaces=["endpoints"], guardrails={"keywords": words})
    proxy.upstream.script("dear", error_reply(500))
    paid, asked = account_of(tenant).balance_nano_usd, len(proxy.upstream.requests)
    who |= {"x_kagu_policy_key": "nobody", "x_kagu_trial_status": "expired"}
    del who["x_kagu_user_id"]
    body: dict[str, Any] = {"messages": "forbidden"}

    assert error_of(proxy, body, {}, known=False)[0] == 401
    assert error_of(proxy, body, who) == (400, "invalid_request", None)
    change_project(proxy, surfaces=["proxy", "light"])
    assert error_of(proxy, body, who)[0] == 400
    who["x_kagu_user_id"] = "user_123"
    assert error_of(proxy, body, who) == (404, "not_found", "x-kagu-policy-key")
    who["x_kagu_policy_key"] = "SUPPORT"
    assert error_of(proxy, body, who) == (400, "invalid_request", "model")
    body["model"] = DEAR
    assert error_of(proxy, body, who) == (400, "invalid_request", "messages")
    body["messages"] = [{"role": "user", "content": "forbidden"}]
    body["stream"] = "yes"
    assert error_of(proxy, body, who) == (400, "invalid_request", "stream")
    body["stream"] = None
    assert error_of(proxy, body, who)[0] == 429
    keys.update(SYSTEM, workspace_id, key_id, {"limits": {}})
    assert error_of(proxy, body, who) == (403, "policy_blocked", None)
    who["x_kagu_trial_status"] = "NONE"
    assert error_of(proxy, body, who) == (409, "request_id_conflict", None)
    who["x_kagu_request_id"] = "req-2"
    assert error_of(proxy, body, who) == (402, "insufficient_balance", None)
    set_price(tenant, DEAR, input_usd_per_million="10", output_usd_per_million="100")
    assert error_of(proxy, body, who) == (422, "guardrail_blocked", None)
    assert (account_of(tenant).balance_nano_usd, len(proxy.upstream.requests)) == (paid, asked)
    body["messages"] = HI
    assert error_of(proxy, body, who)[0] == 500
    proxy.upstream.script("dear", openai_completion("At last"))
    assert proxy.post(URL, body, **who).status_code == 200  # what came to nothing has used up no id
    assert mistakes() == []


@pytest.mark.parametrize("prepaid", [True, False])
def test_of_requests_with_one_id_exactly_one_passes(proxy: Proxy, prepaid: bool) -> None:
    govern(proxy)
    if prepaid:
        make_prepaid(proxy.tenant, USD)
    headers = {**proxy.tenant.headers, **{n.replace("_", "-"): v for n, v in WHO.items()}}
    headers["x-kagu-request-id"] = "req_abc_001"

    def send(_: int) -> int:
        return proxy.client.application.test_client().post(URL, json=BODY, headers=headers).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(send, range(4))) == [200, 409, 409, 409]
    assert len(proxy.upstream.requests) == 1 and mistakes() == []
    assert [row.state for row in rows(IdempotencyKey)] == ["done"]


def test_an_answer_from_the_cache_uses_up_its_id_as_well(proxy: Proxy) -> None:
    govern(proxy)
    make_prepaid(proxy.tenant, USD)
    assert ask(proxy, x_cache="force").headers["x-cache"] == "miss"
    for request_id, status in (("a", 200), ("a", 409), ("b", 200)):
        response = ask(proxy, x_cache="force", x_kagu_request_id=request_id)
        assert response.status_code == status
        if status == 200:
            assert response.headers["x-cache"] == "hit"
            assert response.get_json()["kagu"]["costUsd"] == "0.00"
    assert len(proxy.upstream.requests) == 1 and mistakes() == []


def test_a_plan_is_named_by_key_or_id(proxy: Proxy) -> None:
    plan = Plan(slug="pro-plan", name="Pro")
    database.transaction(lambda session: session.add(plan))
    govern(proxy, {"action": "DOWNGRADE", "models": [CHEAP], "when": {"plan": "pro-plan"}})
    for name in ("pro-plan", "PRO-PLAN", plan.id):
        assert told(proxy, x_kagu_plan_id=name)["action"] == "DOWNGRADE"
        assert proxy.record.plan == "pro-plan"
    assert told(proxy, x_kagu_plan_id="unheard-of")["action"] == "ALLOW"
    assert proxy.record.plan == "unheard-of" and proxy.record.context == {"plan": "unheard-of"}


def test_a_stand_in_is_told_of_whatever_kept_the_first_model_away(proxy: Proxy, upstream: Upstream) -> None:
    govern(proxy, {"action": "FALLBACK", "models": [CHEAP]})
    second = add_provider(proxy.tenant, upstream, "second")
    body = {**BODY, "model": "second/gpt"}
    assert told(proxy, body)["usedFallback"] is False
    providers.update(SYSTEM, proxy.tenant.workspace.id, second, {"active": False})
    switched_off = told(proxy, body)
    assert (switched_off["usedFallback"], switched_off["model"]) == (True, CHEAP)
    assert switched_off["modelRequested"] == "second/gpt"
    assert told(proxy, {**BODY, "model": "openai/refused-by-nobody"})["usedFallback"] is False
    streamed = ask(proxy, {**body, "stream": True})
    assert streamed.headers["x-kagu-used-fallback"] == "true"


def test_bounds_leave_the_stand_in_and_a_price_cuts_the_answer(proxy: Proxy) -> None:
    bounds = {"max_input_usd_per_million": "5", "max_usd_per_request": "0.0005"}
    govern(proxy, {"action": "FALLBACK", "models": [CHEAP], **bounds})
    kagu = told(proxy, {"model": DEAR, "messages": HI})
    assert (kagu["model"], kagu["usedFallback"]) == (CHEAP, True)
    sent = proxy.upstream.requests[-1].json
    assert 16 <= sent["max_tokens"] <= 50  # of $10 per million tokens, $0.0005 are 50
    too_long = ask(proxy, {**BODY, "max_tokens": 5000})
    assert too_long.status_code == 400 and "policy_max_cost" in too_long.get_json()["error"]["message"]


def test_the_choice_can_be_ours_before_a_stand_in(proxy: Proxy) -> None:
    govern(
        proxy,
        {"action": "DOWNGRADE", "models": ["auto"], "when": {"plan": "free"}},
        {"action": "FALLBACK", "models": ["demo/demo-fast"]},
    )
    body = {**BODY, "model": "auto"}
    first = told(proxy, body)
    assert first["model"].startswith("openai/") and first["usedFallback"] is False
    rules = {"rules": {"models": [DEAR, CHEAP, "demo/demo-fast"]}}
    keys.update(SYSTEM, proxy.tenant.workspace.id, proxy.tenant.key.id, rules)
    for model in ("dear", "cheap"):
        proxy.upstream.script(model, error_reply(500))
    stood_in = told(proxy, body)
    assert (stood_in["model"], stood_in["usedFallback"]) == ("demo/demo-fast", True)
    proxy.upstream.replies.clear()
    chosen = told(proxy, x_kagu_plan_id="free")
    assert chosen["action"] == "DOWNGRADE" and chosen["usedFallback"] is False
    assert chosen["modelRequested"] == DEAR and proxy.record.routing["strategy"] == "auto"


def test_the_clients_wishes_do_not_turn_the_rules_order_around(proxy: Proxy) -> None:
    govern(proxy, {"action": "FALLBACK", "models": [CHEAP]})
    kagu = told(proxy, {**BODY, "routing": {"policy": "lowest_cost"}})
    assert (kagu["model"], kagu["usedFallback"]) == (DEAR, False)


def test_savings_are_told_against_what_was_asked_for(proxy: Proxy) -> None:
    aliases.create(SYSTEM, proxy.tenant.workspace.id, {"name": "small", "models": [CHEAP]})
    govern(proxy, {"action": "DOWNGRADE", "models": ["small"], "when": {"model": "openai/*"}})
    make_prepaid(proxy.tenant, USD)
    proxy.upstream.script("cheap", openai_completion("Hello"))  # 7 tokens in, 3 out
    kagu = told(proxy, {**BODY, "model": "openai:dear"})
    assert (kagu["model"], kagu["costUsd"], kagu["savingsUsd"]) == (CHEAP, "0.000037", "0.000333")
    assert account_of(proxy.tenant).balance_nano_usd == USD - 37_000 and mistakes() == []


def test_a_stand_in_answers_the_request_as_it_is(proxy: Proxy) -> None:
    brief = {"name": "brief", "models": [CHEAP], "prompt": "Be brief."}
    for fields in (brief, {"name": "kind", "models": [DEAR], "prompt": "Be kind."}):
        aliases.create(SYSTEM, proxy.tenant.workspace.id, fields)
    govern(
        proxy,
        {"when": {"plan": "free"}, "action": "DOWNGRADE", "models": [CHEAP]},
        {"action": "FALLBACK", "models": ["brief"]},
    )

    def prompt_of(model: str, **headers: str) -> str | None:
        told(proxy, {**BODY, "model": model}, **headers)
        first = proxy.upstream.requests[-1].json["messages"][0]
        return first["content"] if first["role"] == "system" else None

    assert prompt_of(DEAR) is None and prompt_of("kind") == "Be kind."
    assert prompt_of("kind", x_kagu_plan_id="free") == "Be kind."
    proxy.upstream.script("dear", error_reply(500))
    assert prompt_of(DEAR) is None and proxy.upstream.requests[-1].json["model"] == "cheap"


def test_the_hold_covers_the_dearest_who_may_answer(proxy: Proxy) -> None:
    govern(proxy, {"action": "DOWNGRADE", "models": [CHEAP, DEAR]})
    make_prepaid(proxy.tenant, 1_000_000)  # enough for fifty tokens of the cheap one alone
    assert error_of(proxy, BODY, WHO) == (402, "insufficient_balance", None)
    top_up(proxy.tenant, USD)
    proxy.upstream.script("cheap", error_reply(500))
    assert told(proxy)["model"] == DEAR
    row = proxy.record
    assert row.held_nano_usd >= 5_000_000 > row.cost_nano_usd > 0 and mistakes() == []


def test_a_prompt_goes_before_the_clients_messages(proxy: Proxy) -> None:
    texts = {"prompt": "You are kind.", "user_prompt_template": "Customer: {{input}}"}
    add_endpoint(proxy.tenant, "helpdesk", CHEAP, **texts)
    govern(proxy, {"prompt": "helpdesk@1"})
    told(proxy)
    assert proxy.upstream.requests[-1].json["messages"] == [
        {"role": "system", "content": "You are kind."},
        {"role": "user", "content": "Customer: Hi"},
    ]


def test_a_prompts_variables_are_asked_of_the_client(proxy: Proxy) -> None:
    variables = [{"name": "tone", "type": "enum", "options": ["kind", "short"], "required": True}]
    texts = {"prompt": "Be {{tone}}.", "user_prompt_template": "{{input}} ({{tone}})"}
    add_endpoint(proxy.tenant, "helpdesk", CHEAP, variables=variables, **texts)
    govern(proxy, {"prompt": "helpdesk"})
    assert error_of(proxy, BODY, WHO)[:2] == (422, "invalid_input")
    told(proxy, {**BODY, "variables": {"tone": "kind"}})
    sent = proxy.upstream.requests[-1].json
    assert [message["content"] for message in sent["messages"]] == ["Be kind.", "Hi (kind)"]
    assert "variables" not in sent


def test_a_blocked_call_need_not_name_a_model_that_exists(proxy: Proxy) -> None:
    govern(proxy, {"action": "BLOCK"})
    assert error_of(proxy, {**BODY, "model": "nobody/knows"}, WHO) == (403, "policy_blocked", None)
    odd = {"model": DEAR, "messages": [1, {"content": 5}, {"role": "user"}]}
    assert error_of(proxy, odd, WHO)[0] in (400, 403)


def test_a_key_stays_within_its_own_rules(proxy: Proxy) -> None:
    govern(proxy, {"action": "DOWNGRADE", "models": [DEAR, CHEAP]})
    workspace_id, key_id = proxy.tenant.workspace.id, proxy.tenant.key.id
    keys.update(SYSTEM, workspace_id, key_id, {"rules": {"models": [CHEAP]}})
    kagu = told(proxy)
    assert (kagu["model"], kagu["usedFallback"]) == (CHEAP, True)
    keys.update(SYSTEM, workspace_id, key_id, {"rules": {}, "endpoints": ["hello"]})
    status, code, _ = error_of(proxy, BODY, WHO)
    assert (status, code) == (403, "forbidden")


def test_the_rest_of_the_gateway_works_through_this_door(proxy: Proxy) -> None:
    govern(proxy, {"action": "DOWNGRADE", "models": [CHEAP]})
    set_budget(proxy.tenant, "project", proxy.tenant.project.id, "month", usd=USD)
    proxy.upstream.script("cheap", openai_completion('```json\n{"a": 1,}\n```'))
    healed = ask(proxy, {**BODY, "response_format": {"type": "json_object"}})
    assert healed.status_code == 200, healed.get_json()
    assert healed.get_json()["choices"][0]["message"]["content"] == '{"a": 1}'
    own = ask(proxy, x_byok_openai="sk-own-key", x_request_id="mine", x_kagu_locale="en-GB")
    assert own.get_json()["kagu"]["costUsd"] == "0.00" and own.headers["x-request-id"] == "mine"
    sent = proxy.upstream.requests[-1]
    assert sent.headers["authorization"] == "Bearer sk-own-key"
    assert not any(name.startswith(("x-kagu", "x-byok")) for name in sent.headers)
    assert mistakes() == []


def test_what_is_remembered_belongs_to_the_user_in_the_header(proxy: Proxy) -> None:
    govern(proxy)
    plugin_settings.set_up(SYSTEM, proxy.tenant.workspace.id, "memory", {})
    told_of = [{"role": "user", "content": "My name is Ann. I live in Bern."}]
    told(proxy, {**BODY, "messages": told_of, "plugins": ["memory"], "user": "somebody"})
    assert {row.end_user for row in rows(Memory)} == {"user_123"}
    told(proxy, {**BODY, "plugins": ["memory"]})
    assert "Bern" in proxy.upstream.requests[-1].json["messages"][0]["content"]


def test_a_stream_that_breaks_tells_its_error_and_no_end(proxy: Proxy) -> None:
    govern(proxy)
    events = list(openai_events("Hello "))[:2]
    proxy.upstream.script("dear", Reply([*events, Cut], headers=SSE))
    response = ask(proxy, {**BODY, "stream": True}, x_kagu_request_id="req-9")
    text = response.get_data(as_text=True)
    assert response.headers["x-kagu-request-id"] == "req-9" and response.headers["x-kagu-action"] == "ALLOW"
    assert '"error"' in text and "[DONE]" not in text and '"kagu"' not in text
    assert ask(proxy, x_kagu_request_id="req-9").status_code == 409  # part of it was delivered and paid
