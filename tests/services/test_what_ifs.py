"""What would have happened: past requests under a change, agreeing with what really happened."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.domain.errors import InvalidFields, InvalidInput, NotFound
from app.domain.what_ifs import Difference
from app.models import RecordRow
from app.services import keys, policies, projects, sub_accounts, what_ifs
from app.services.record_rows import content_allowed
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.providers_world import records, set_price
from tests.upstream import Upstream
from tests.upstream_replies import error_reply
from tests.world import World, actor_of

URL = "/runtime/proxy/chat/completions"
DEAR, CHEAP = "openai/gpt-4o", "openai/gpt-4o-mini"
BODY = {"model": DEAR, "messages": [{"role": "user", "content": "Hi, I am ann@example.com"}]}
WHO = {"x_kagu_user_id": "user_1", "x_kagu_policy_key": "chat"}
FREE = {"label": "Free users", "when": {"plan": "free"}, "action": "DOWNGRADE", "models": [CHEAP]}
NO_TRIALS = {
    "label": "No trials",
    "when": {"trial_status": "EXPIRED"},
    "action": "BLOCK",
    "message": "Please upgrade.",
}
STAND_IN = {"label": "Stand in", "when": {"region": "eu"}, "action": "FALLBACK", "models": [CHEAP]}


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    monkeypatch.setattr(content_allowed, "allowed", True)
    acme = world.acme
    projects.update(SYSTEM, acme.workspace.id, acme.project.id, {"log_content": True})
    made = make_proxy(acme, upstream, client)
    fields = {"key": "chat", "rules": [NO_TRIALS, FREE, STAND_IN]}
    policies.create(SYSTEM, acme.workspace.id, acme.project.id, fields)
    return made


def call(proxy: Proxy, **headers: str) -> RecordRow:
    """Make a call of the policy and return its record."""
    proxy.post(URL, BODY, **{**WHO, **headers})
    return proxy.record


def run(proxy: Proxy, change: str, proposal: dict[str, Any], **asked: Any) -> what_ifs.WhatIf:
    place = {"project_id": proxy.tenant.project.id, "most": 100, **asked}
    return what_ifs.run(SYSTEM, proxy.tenant.workspace.id, change, place, proposal)


def pair(one: Difference) -> tuple[str, int | None]:
    """Return who would have answered, at which cost."""
    assert one.after is not None, one.untold
    return one.after.model, one.after.cost.nano_usd


def test_the_live_version_agrees_with_what_happened_to_the_nano_dollar(proxy: Proxy) -> None:
    call(proxy)
    call(proxy, x_kagu_plan_id="free")
    call(proxy, x_kagu_trial_status="expired")
    proxy.upstream.script("gpt-4o", error_reply(500), error_reply(500), error_reply(500))
    call(proxy, x_kagu_region="eu")
    found = run(proxy, "policy", {"policy": "chat"})
    assert len(found.differences) == 4 and found.totals.compared == 4
    assert not [each for each in found.differences if each.changes]
    for one, row in zip(found.differences, reversed(records()), strict=True):
        answered = next((a["model_id"] for a in row.attempts if a["status"] == "answered"), "")
        assert pair(one) == (answered, row.cost_nano_usd)
        assert one.after is not None and one.after.why == (row.policy_rule or "")
    assert [bool(one.after and one.after.refusal) for one in found.differences] == [False, True, False, False]


def test_what_is_foretold_comes_true(proxy: Proxy) -> None:
    before = call(proxy, x_kagu_region="us")
    rules = [{"label": "All", "action": "DOWNGRADE", "models": [CHEAP]}]
    [foretold] = run(proxy, "policy", {"rules": rules}).differences
    asked = len(proxy.upstream.requests)
    fields = {"key": "all", "rules": rules}
    policies.create(SYSTEM, proxy.tenant.workspace.id, proxy.tenant.project.id, fields)
    after = call(proxy, x_kagu_policy_key="all", x_kagu_region="us")
    assert len(proxy.upstream.requests) == asked + 1
    assert pair(foretold) == (CHEAP, after.cost_nano_usd)
    assert foretold.saved_nano_usd == (before.cost_nano_usd or 0) - (after.cost_nano_usd or 0) > 0


def test_other_prices_count_the_same_tokens(proxy: Proxy) -> None:
    set_price(proxy.tenant, DEAR, input_usd_per_million="3", output_usd_per_million="7")
    row = call(proxy)
    call(proxy, x_kagu_plan_id="free")
    as_it_is = {DEAR: {"input_usd_per_million": "3", "output_usd_per_million": "7"}}
    assert run(proxy, "prices", {"models": as_it_is}).totals.saved_nano_usd == 0
    dearer = {DEAR: {"input_usd_per_million": "6", "output_usd_per_million": "7", "multiplier": "2"}}
    found = run(proxy, "prices", {"models": dearer})
    assert pair(found.differences[1])[1] == 2 * (6_000 * row.input_tokens + 7_000 * row.output_tokens)
    assert [each.changes for each in found.differences] == [False, True]
    with pytest.raises(InvalidFields) as wrong:
        run(proxy, "prices", {"models": {DEAR: {"input_usd_per_million": "1"}}})
    assert list(wrong.value.errors) == [f"models.{DEAR}.output_usd_per_million"]


def test_guardrails_look_at_what_was_kept(proxy: Proxy) -> None:
    call(proxy)
    block = {"level": "workspace", "guardrails": {"pii": {"action": "block", "kinds": ["email"]}}}
    found = run(proxy, "guardrails", block)
    [one] = found.differences
    assert (
        found.totals.blocked == 1
        and one.after
        and "pii" in one.after.refusal
        and one.after.cost.nano_usd == 0
    )
    assert found.totals.saved_nano_usd == one.before.nano_usd
    mask = {"level": "project", "guardrails": {"pii": {"action": "mask", "kinds": ["email"]}}}
    found = run(proxy, "guardrails", mask)
    assert (
        found.totals.blocked == 0 and found.totals.acts == {"masked": 1} and found.totals.saved_nano_usd == 0
    )


def test_routing_says_whom_auto_would_choose(proxy: Proxy) -> None:
    call(proxy)
    found = run(proxy, "routing", {"model": CHEAP})
    assert pair(found.differences[0])[0] == CHEAP and found.totals.moved == {CHEAP: 1}
    chosen = {each.after.model for each in run(proxy, "routing", {"model": "auto"}).differences if each.after}
    proxy.post("/v1/chat/completions", {**BODY, "model": "auto"})
    assert chosen == {proxy.record.attempts[-1]["model_id"]}
    settings = {"gateway": {"min_quality": 100}}
    [of_auto, of_policy] = run(proxy, "routing", settings).differences
    assert of_auto.after and of_auto.after.refusal and of_policy.untold == "governed"


def test_what_cannot_be_told_is_counted(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_allowed, "allowed", False)
    call(proxy)
    block = {"guardrails": {"pii": {"action": "block"}}}
    assert run(proxy, "guardrails", block).totals.untold == {"no_content": 1}
    assert run(proxy, "routing", {"model": "auto"}).totals.untold == {"no_content": 1}
    by_task = {"label": "Code", "when": {"task_type": "code"}, "action": "DOWNGRADE", "models": [CHEAP]}
    assert run(proxy, "policy", {"rules": [by_task]}).totals.untold == {"no_content": 1}
    dear = {"label": "Dear", "when": {"model": DEAR}, "action": "BLOCK"}
    assert run(proxy, "policy", {"rules": [dear, by_task]}).totals.blocked == 1  # it is decided before
    unpriced = {"label": "All", "action": "DOWNGRADE", "models": ["openai/brand-new"]}
    found = run(proxy, "policy", {"rules": [unpriced]})
    assert found.totals.moved == {"openai/brand-new": 1} and found.totals.unpriced == {"no_price": 1}
    assert found.totals.priced == 0


def test_viewers_may_look_and_strangers_find_nothing(proxy: Proxy, world: World) -> None:
    call(proxy)
    place = {"project_id": world.acme.project.id}
    everything = {"rules": [{"label": "All", "action": "BLOCK"}]}
    acme = world.acme.workspace.id
    assert what_ifs.run(actor_of(world.viewer), acme, "policy", place, everything).totals.blocked == 1
    with pytest.raises(NotFound):
        what_ifs.run(actor_of(world.stranger), acme, "policy", place, everything)
    with pytest.raises(NotFound):
        what_ifs.run(SYSTEM, world.other.workspace.id, "policy", place, everything)
    with pytest.raises(InvalidInput):
        run(proxy, "policy", everything, most=5)


def test_a_key_asks_about_its_own_project(proxy: Proxy, world: World) -> None:
    call(proxy)
    acme, north = world.acme, sub_accounts.create(SYSTEM, world.acme.workspace.id, {"name": "North"})
    body = {"change": "routing", "requests": {"most": 50}, "proposal": {"model": CHEAP}}

    def ask(**fields: Any) -> Any:
        given = {"name": f"reports {fields}", "scopes": ["analytics:read"], **fields}
        made = keys.create(SYSTEM, acme.workspace.id, acme.project.id, given)
        headers = {"Authorization": f"Bearer {made.secret}"}
        return proxy.client.post("/api/v1/what-if", json=body, headers=headers).get_json()

    told = ask(labels={"for": "us"})
    assert told["totals"]["moved"] == {CHEAP: 1} and told["requests"][0]["before"]["model"] == DEAR
    assert ask(account_id=north.id)["totals"]["requests"] == 0  # a sub-account sees its own requests only
    assert "error" in ask(scopes=["chat"])
    body["change"] = "weather"
    assert ask()["error"]["param"] == "change"
