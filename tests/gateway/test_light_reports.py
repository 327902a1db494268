"""Light mode: what came of a call that the client made itself, apart from what is metered (K10, K21)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.database import database
from app.domain.actors import SYSTEM
from app.models import Key, RecordRow, ReportedHour
from app.services import books, policies, receipts, rollouts
from tests.gateway.light_world import (
    CHAT,
    CHEAP,
    HEADERS,
    MODEL,
    everything,
    make_light,
    report,
)
from tests.gateway.passthrough_world import Proxy
from tests.providers_world import records
from tests.upstream import Upstream
from tests.world import World


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    return make_light(world.acme, upstream, client)


def reported_hours() -> list[ReportedHour]:
    return database.read(lambda session: list(session.scalars(select(ReportedHour))))


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


def test_a_call_of_before_the_rollout_counts_for_no_side(proxy: Proxy) -> None:
    place = proxy.tenant.workspace.id, proxy.tenant.project.id
    (view,) = policies.list_all(SYSTEM, *place)
    policies.save(SYSTEM, place[0], view.policy.id, {"rules": []}, live=False)
    newest = policies.find(SYSTEM, place[0], view.policy.id).working_version.number
    rollouts.start(SYSTEM, place[0], "policy", view.policy.id, newest, {"state": "FULL"})
    report(proxy, createdAt=(datetime.now(UTC) - timedelta(hours=1)).isoformat())
    before, note = proxy.record.arm, proxy.record.reported["notes"]
    assert before is None and note == ["The call was made before the rollout came to its share of now."]
    report(proxy)
    assert {row.arm for row in records()} == {None, "new"}
