"""A rollout in shadow: the new version is asked what the old one answered; nobody sees or pays it (O47)."""

from __future__ import annotations

from typing import Any

import gevent
import gevent.monkey
import pytest
from flask.testing import FlaskClient

from app import lifecycle
from app.domain.actors import SYSTEM
from app.domain.arm_counts import ALONE
from app.domain.bills import cost
from app.domain.calls import Call, Shadowed
from app.domain.ids import new_id
from app.domain.pricing import nano_to_usd
from app.models import ArmCount, ChatSession, Credential, DailySpend, IdempotencyKey, UsageHour
from app.services import call_counts, model_rows, policies, replays, rollout_guard, rollouts
from app.services.health import health
from app.services.shadow_queue import MOST_BYTES, MOST_WAITING, Asked, Queue
from tests.gateway.rollout_world import SHADOW, Place, apart, make_place
from tests.money import USD, account_of, make_prepaid, mistakes, rows, set_budget
from tests.upstream import Upstream
from tests.upstream_replies import error_reply, openai_completion
from tests.world import World

POLICY_URL = "/runtime/proxy/chat/completions"
WHO = {"x-kagu-user-id": "user_123", "x-kagu-policy-key": "support"}


@pytest.fixture
def place(world: World, upstream: Upstream, client: FlaskClient) -> Place:
    return make_place(world.acme, upstream, client)


def told(response: Any) -> Any:
    """Return an answer without what differs from call to call."""
    body = response.get_json()
    differ = {"request_id", "latency_ms", "first_token_ms", "duration_ms", "created"}
    body["meta"] = {name: value for name, value in body["meta"].items() if name not in differ}
    return response.status_code, body, response.headers["X-Sluice-Cost-Usd"]


def test_answer_and_bill_are_the_same_with_and_without(place: Place) -> None:
    make_prepaid(place.tenant, USD)
    before = place.post()
    charged = USD - account_of(place.tenant).balance_nano_usd
    rollout = place.start(**SHADOW)
    beside = place.post()
    assert told(beside) == told(before) and beside.headers["X-Sluice-Rollout"] == "old; version=1"
    assert place.models == ["old", "old", "new"]
    account = account_of(place.tenant)
    assert account.balance_nano_usd == USD - 2 * charged and account.reserved_nano_usd == 0
    (_first, second), (shadow,) = apart()
    assert (second.arm, second.rollout_id, second.cost_nano_usd) == ("old", rollout.id, charged)
    assert (shadow.arm, shadow.rollout_id, shadow.parent_request_id) == ("shadow", rollout.id, second.id)
    assert (shadow.cost_nano_usd, shadow.endpoint_version, shadow.stream) == (0, 2, False)
    assert shadow.price["compared_nano_usd"] == 10 * charged
    assert cost(shadow).extras[-1].usd == nano_to_usd(10 * charged) and cost(shadow).total_usd == "0.00"
    assert mistakes() == []


def test_counts_of_the_account_do_not_know_it_and_the_providers_do(place: Place) -> None:
    place.start(**SHADOW)
    place.post()
    spent = {row.scope_type: row for row in rows(DailySpend)}
    assert (spent["account"].calls, spent["provider"].calls) == (1, 2)
    assert spent["provider"].spent_nano_usd == 11 * spent["account"].spent_nano_usd > 0
    assert sum(row.calls for row in rows(UsageHour)) == 1
    place_of = SYSTEM, place.tenant.workspace.id, place.endpoint.id
    assert call_counts.of_endpoint(*place_of).calls == 1
    assert replays.repeats_of(*place_of[:2], apart()[0][0].id) == []


def test_what_would_refuse_a_real_call_refuses_it_in_shadow_and_holds_nothing(place: Place) -> None:
    set_budget(place.tenant, "endpoint", place.endpoint.id, "day", usd=USD)
    set_budget(place.tenant, "endpoint", place.endpoint.id, "request", usd=700_000)
    model_rows.set_row(SYSTEM, place.tenant.workspace.id, "up/new", {"max_output_tokens": 50})
    place.start(**SHADOW)
    assert place.post().status_code == 200
    (real,), (shadow,) = apart()
    assert real.held_nano_usd and shadow.held_nano_usd is None
    assert (shadow.outcome, shadow.error_code, shadow.arm) == ("refused", "unknown_model_pricing", "shadow")
    assert mistakes() == []


@pytest.mark.parametrize("status", [401, 500])
def test_one_that_fails_changes_nothing(place: Place, status: int) -> None:
    place.upstream.script("new", error_reply(status))
    place.start(**SHADOW)
    answers = [place.post() for _ in range(6)]
    assert {answer.status_code for answer in answers} == {200}
    assert all(row.active for row in rows(Credential)) and not health.circuits
    real, shadows = apart()
    assert {row.outcome for row in real} == {"succeeded"}
    assert [row.outcome for row in shadows] == ["failed"] * 6
    assert {row.cost_nano_usd for row in shadows} == {0}


def test_what_is_done_once_is_done_once(place: Place) -> None:
    place.start(**SHADOW)
    body = {"message": "Hi", "stream": True}
    streamed = place.post(body, idempotency_key="once-1")
    assert streamed.status_code == 200 and streamed.get_data(as_text=True).endswith("data: [DONE]\n\n")
    assert [request.json.get("stream", False) for request in place.upstream.requests] == [True, False]
    assert len(rows(IdempotencyKey)) == 1
    _first, again = (place.post(idempotency_key="once-2") for _ in range(2))
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(apart()[1]) == 2


def test_a_conversation_is_gone_on_with_and_none_is_opened(
    world: World, upstream: Upstream, client: FlaskClient
) -> None:
    place = make_place(world.acme, upstream, client, session={}, prompt="Be brief.")
    upstream.script("old", openai_completion("Blue."), openai_completion("Red."))
    upstream.script("new", openai_completion("Not kept."))
    place.start(**SHADOW)
    session_id = place.post({"message": "One?"}).json["meta"]["session_id"]
    place.post({"message": "Two?", "session_id": session_id})
    said = [[each["content"] for each in request.json["messages"]] for request in upstream.requests]
    assert said[2] == said[3] == ["Be brief.", "One?", "Blue.", "Two?"]
    assert place.models == ["old", "new", "old", "new"]
    (session,) = rows(ChatSession)
    assert session.messages == 4 and [row.session_id for row in apart()[1]] == [None, None]


def test_only_so_many_calls_are_compared(place: Place) -> None:
    place.start(**SHADOW, plan={"shadow_percent": 50})
    for _ in range(12):
        place.post()
    assert 0 < len(apart()[1]) < 12


def test_a_policy_is_asked_what_its_new_version_says(place: Place) -> None:
    workspace_id, project_id = place.tenant.workspace.id, place.tenant.project.id
    view = policies.create(SYSTEM, workspace_id, project_id, {"key": "support", "rules": []})
    rule = {"label": "All", "action": "DOWNGRADE", "models": ["up/new"]}
    policies.save(SYSTEM, workspace_id, view.policy.id, {"rules": [rule]}, live=False)
    rollout = rollouts.start(SYSTEM, workspace_id, "policy", view.policy.id, 2, SHADOW)
    body = {"model": "up/old", "messages": [{"role": "user", "content": "Hi"}]}
    headers = {**place.tenant.headers, **WHO, "x-kagu-request-id": "req_1"}
    answer = place.client.post(POLICY_URL, json=body, headers=headers)
    assert answer.status_code == 200 and answer.json["kagu"]["rolloutState"] == "SHADOW"
    assert answer.json["kagu"]["model"] == "up/old" and place.models == ["old", "new"]
    (real,), (shadow,) = apart()
    assert (real.policy_version, real.arm, real.action) == (1, "old", "ALLOW")
    assert (shadow.policy_version, shadow.arm, shadow.action) == (2, "shadow", "DOWNGRADE")
    assert (shadow.end_user, shadow.rollout_id) == ("user_123", rollout.id)
    assert shadow.parent_request_id == real.id and shadow.key_id == real.key_id


def test_what_the_new_version_is_never_asked_is_compared_with_nothing(place: Place) -> None:
    workspace_id, project_id = place.tenant.workspace.id, place.tenant.project.id
    rollout = place.start(**SHADOW)
    body = {"message": "Hi", "stream": True}
    url = f"/api/{project_id}/talk"
    left = place.client.post(url, json=body, headers=place.tenant.headers, buffered=False)
    next(left.response)
    left.close()
    rule = {"label": "None", "when": {"region": "eu"}, "action": "BLOCK"}
    view = policies.create(SYSTEM, workspace_id, project_id, {"key": "support", "rules": [rule]})
    policies.save(SYSTEM, workspace_id, view.policy.id, {"rules": []}, live=False)
    rollouts.start(SYSTEM, workspace_id, "policy", view.policy.id, 2, SHADOW)
    asked = {"model": "up/old", "messages": [{"role": "user", "content": "Hi"}]}
    headers = {**place.tenant.headers, **WHO, "x-kagu-region": "eu"}
    assert place.client.post(POLICY_URL, json=asked, headers=headers).status_code == 403
    real, shadows = apart()
    assert [(row.outcome, row.arm) for row in real] == [("client_left", "old"), ("refused", "old")]
    assert not shadows and {row.arm for row in rows(ArmCount)} == {ALONE}, "else the old one looks quicker"
    place.post()
    standing = rollout_guard.standing(SYSTEM, workspace_id, rollout.id)
    assert (standing.old.calls, standing.new.calls) == (1, 1)
    place.share(rollout, 100)
    standing = rollout_guard.standing(SYSTEM, workspace_id, rollout.id)
    assert (standing.old.calls, standing.new.calls) == (2, 0), "everybody's calls again"


def asked(size: int = 2) -> Asked:
    call = Call("endpoints", "native", lambda: b"{}", new_id(), raw_body=b"x" * size)
    return Asked(call, Shadowed(call.request_id, new_id(), None), 2)


def test_what_does_not_fit_is_dropped_and_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gevent.monkey, "is_module_patched", lambda _name: True)
    queue, carried = Queue(), list[Asked]()

    def carry(one: Asked) -> None:
        carried.append(one)
        raise RuntimeError("something secret")

    queue.carry = carry
    for _ in range(MOST_WAITING + 7):
        queue.put(asked())
    assert (len(carried), queue.dropped) == (0, 7)  # nobody waited for any of them
    gevent.sleep(0)
    assert len(carried) == MOST_WAITING
    queue.put(asked(MOST_BYTES + 1))
    assert queue.dropped == 8
    monkeypatch.setattr(lifecycle, "draining", lambda: True)
    queue.put(asked())
    gevent.sleep(0)
    assert (len(carried), queue.dropped) == (MOST_WAITING, 9)  # nothing begins any more
    assert "RuntimeError" in caplog.text and "secret" not in caplog.text
