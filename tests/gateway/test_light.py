"""Light mode's doors: advice before the client's own call, and the report after it (K9, K10, K20, K21)."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.arm_counts import Counts
from app.domain.light import asks, reports
from app.extensions import db
from app.models import Key, RecordRow, ReportedHour
from app.services import arm_sums, books, endpoints, keys, policies, projects, providers, receipts, rollouts
from app.services import records as records_service
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.providers_world import records
from tests.upstream import Upstream
from tests.upstream_replies import openai_completion
from tests.world import World

ADVICE, REQUESTS = "/runtime/light/advice", "/runtime/light/requests"
MODEL, CHEAP, AWAY = "openai/gpt-4o", "openai/gpt-4o-mini", "groq/llama-3.3-70b-versatile"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}
HEADERS = {"x_kagu_user_id": "user_123", "x_kagu_policy_key": "Support_Chat"}
RULES = [
    {
        "label": "No trials",
        "when": {"trial_status": "EXPIRED"},
        "action": "BLOCK",
        "message": "Please upgrade.",
    },
    {"label": "Free users", "when": {"plan": "free"}, "action": "DOWNGRADE", "models": [CHEAP]},
    {"label": "Stand in", "when": {"region": "eu"}, "action": "FALLBACK", "models": [CHEAP]},
    {
        "label": "Far away",
        "when": {"country": "nz"},
        "action": "DOWNGRADE",
        "models": ["groq/llama-3.3-70b-versatile"],
    },
]
WHO = {"userId": "user_123", "policyKey": "Support_Chat"}
ASKED = {**WHO, "requestedProvider": "OPENAI", "requestedModel": "gpt-4o"}


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    made = make_proxy(world.acme, upstream, client)
    where = SYSTEM, world.acme.workspace.id, world.acme.project.id
    projects.update(*where, {"surfaces": ["proxy", "light"]})
    policies.create(*where, {"key": "support_chat", "rules": RULES})
    return made


def advice(proxy: Proxy, **more: Any) -> dict[str, Any]:
    response = proxy.post(ADVICE, {**ASKED, **more})
    assert response.status_code == 200, response.get_json()
    return response.get_json()  # type: ignore[no-any-return]


def report(proxy: Proxy, answered: int = 202, **more: Any) -> dict[str, Any]:
    response = proxy.post(REQUESTS, {**ASKED, "promptTokens": 1_000, "completionTokens": 100, **more})
    assert response.status_code == answered, response.get_json()
    return response.get_json()  # type: ignore[no-any-return]


def everything(*, but: tuple[type, ...] = ()) -> dict[str, list[Any]]:
    """Return every row of every table."""
    left = [table for table in db.metadata.sorted_tables if table.name not in {m.__tablename__ for m in but}]
    return database.read(lambda s: {t.name: sorted(map(repr, s.execute(select(t)))) for t in left})


def reported_hours() -> list[ReportedHour]:
    return database.read(lambda session: list(session.scalars(select(ReportedHour))))


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


def test_a_report_is_kept_apart_from_all_that_is_metered(proxy: Proxy) -> None:
    before = everything(but=(RecordRow, ReportedHour, Key))
    told = report(proxy, planKey="free", model="gpt-4o-mini", latencyMs=900, costUsd=0.0002, tags=["web"])
    assert told["status"] == "accepted" and told["duplicate"] is False and told["requestId"] == told["id"]
    assert everything(but=(RecordRow, ReportedHour, Key)) == before
    row, hour = proxy.record, reported_hours()[0]
    assert (row.id, row.source, row.surface, row.end_user) == (told["id"], "reported", "light", "user_123")
    assert (row.cost_nano_usd, row.input_tokens, row.output_tokens, row.duration_ms) == (0, 0, 0, 0)
    assert (row.model_requested, row.provider, row.model_answered) == (MODEL, "openai", "gpt-4o-mini")
    assert (row.action, row.policy_rule, row.plan, row.tag) == ("DOWNGRADE", "Free users", "free", "web")
    assert row.reported is not None and row.reported["cost_nano_usd"] == 200_000
    assert row.reported["catalog_nano_usd"] == 210_000  # 1,000 × $0.15 and 100 × $0.60 per million
    assert row.reported["savings_nano_usd"] == 3_500_000 - 210_000
    assert (hour.calls, hour.input_tokens, hour.output_tokens) == (1, 1_000, 100)
    assert (hour.cost_nano_usd, hour.savings_nano_usd) == (210_000, 3_290_000)
    assert (hour.model, hour.policy, hour.plan, hour.source) == (CHEAP, "support_chat", "free", "reported")


def test_a_reports_receipt_tells_its_numbers_apart(proxy: Proxy) -> None:
    told = report(proxy, planKey="free", costUsd="0.0002")
    receipt = proxy.get(f"/v1/receipts/{told['id']}").get_json()
    assert receipt["execution"]["actual_cost_usd"] == 0 and receipt["execution"]["input_tokens"] == 0
    said = receipt["reported"]
    assert (said["cost_usd"], said["catalog_usd"], said["savings_usd"]) == (0.0002, 0.00021, 0.00329)
    assert said["input_tokens"] == 1_000 and receipt["policy"]["rule"] == "Free users"


def test_what_was_advised_is_taken_as_used_where_nothing_is_said(proxy: Proxy) -> None:
    report(proxy, planKey="free", actionTaken="DOWNGRADE")
    assert (proxy.record.model_answered, reported_hours()[0].savings_nano_usd) == ("gpt-4o-mini", 3_290_000)
    report(proxy, planKey="free", actionTaken="ALLOW")
    assert proxy.record.model_answered == "gpt-4o" and proxy.record.reported["savings_nano_usd"] == 0


def test_the_same_id_counts_once(proxy: Proxy) -> None:
    first = report(proxy, requestId="req_1")
    same = report(proxy, requestId="req_1")
    assert same == {**first, "duplicate": True} and first["requestId"] == "req_1"
    other = report(proxy, 409, requestId="req_1", promptTokens=2_000)
    assert other["error"]["code"] == "request_id_conflict"
    assert len(records()) == 1 and reported_hours()[0].calls == 1
    proxied = proxy.post("/runtime/proxy/chat/completions", CHAT, **HEADERS, x_kagu_request_id="req_1")
    assert proxied.status_code == 409, "an id is used once in a project, by whichever door"


def test_how_a_call_ended_and_when(proxy: Proxy) -> None:
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    told = report(proxy, errorCode="overloaded", status=529, createdAt=an_hour_ago.isoformat())
    row = proxy.record
    assert (row.outcome, row.status, row.error_code, row.created_at) == (
        "failed",
        529,
        "overloaded",
        an_hour_ago,
    )
    assert receipts.find(SYSTEM, proxy.tenant.workspace.id, told["id"]) is not None
    told_of = books.look()
    assert told_of.findings == [] and told_of.reports == [], "the books are of what was metered"
    assert reported_hours()[0].errors == 1 and reported_hours()[0].starts_at.hour == an_hour_ago.hour
    report(proxy, actionTaken="BLOCK", promptTokens=0, completionTokens=0)
    assert sum(hour.blocked for hour in reported_hours()) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"createdAt": "2020-01-01T00:00:00Z"}, "createdAt"),
        ({"createdAt": "0001-01-01T00:00:00+14:00"}, "createdAt"),
        ({"promptTokens": 10**12}, "promptTokens"),
        ({"promptTokens": True}, "promptTokens"),
        ({"totalTokens": 5}, "totalTokens"),
        ({"costUsd": "-1"}, "costUsd"),
        ({"cacheStatus": "a b"}, "cacheStatus"),
        ({"status": 99}, "status"),
        ({"tags": "web"}, "tags"),
    ],
)
def test_a_report_is_checked(proxy: Proxy, change: dict[str, Any], field: str) -> None:
    assert f"'{field}'" in report(proxy, 400, **change)["error"]["message"]
    assert not records() and not reported_hours()


def test_the_client_s_word_on_the_rollout_is_only_noted(proxy: Proxy) -> None:
    report(proxy, policyVersion=3, arm="new")
    row = proxy.record
    assert row.policy_version == 1 and row.arm is None and len(row.reported["notes"]) == 2


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
