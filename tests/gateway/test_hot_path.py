"""What a plain call may cost the gateway: one round trip to Redis, no query, no walk over all models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.lineups import Lineup
from app.extensions import db, redis
from app.prepared import Lane
from app.services import holds_postgresql, keys, policies, projects, records
from tests.databases import ON_POSTGRESQL
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.money import USD, make_prepaid, set_budget
from tests.providers_world import set_price
from tests.upstream import Upstream
from tests.world import World

HI = [{"role": "user", "content": "Hi"}]
TALK = [*HI, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "How are you?"}]
MODEL = "openai/up-model"


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    proxy = make_proxy(world.acme, upstream, client)
    set_price(proxy.tenant, MODEL, input_usd_per_million="1", output_usd_per_million="10")
    return proxy


@pytest.fixture
def asked(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is waited for: commands to Redis, statements to the database. Records are written beside it."""
    found: list[str] = []
    exchange = type(redis)._exchange

    def counted(self: Any, words: Any, beside: Any = None) -> Any:
        found.append(f"redis {words[0]}")
        return exchange(self, words, beside)

    def stated(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        found.append(f"sql {statement}")

    run = Lane.run

    def prepared(self: Lane, statement: str, value: bytes) -> Any:
        found.append(f"sql {statement}")
        return run(self, statement, value)

    monkeypatch.setattr(Lane, "run", prepared)
    monkeypatch.setattr(type(redis), "_exchange", counted)
    monkeypatch.setattr(records.writer, "put", lambda row: None)
    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", stated)
    yield found
    event.remove(engine, "before_cursor_execute", stated)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"model": MODEL, "messages": HI}),
        ("/v1/chat/completions", {"model": "auto", "messages": TALK}),
        ("/v1/messages", {"model": MODEL, "messages": HI, "max_tokens": 20}),
        ("/v1/responses", {"model": MODEL, "input": "Hi"}),
    ],
    ids=["named", "sticky", "messages", "responses"],
)
def test_a_call_waits_once_for_redis_and_never_for_the_database(
    proxy: Proxy, asked: list[str], path: str, body: dict[str, Any]
) -> None:
    assert proxy.post(path, body).status_code == 200
    asked.clear()
    assert proxy.post(path, body).status_code == 200
    assert asked == ["redis GET"]


@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has no round trips")
@pytest.mark.parametrize("budget", [False, True], ids=["prepaid", "in a budget, too"])
def test_money_is_one_statement_before_the_call_and_one_after_it(
    proxy: Proxy, asked: list[str], budget: bool
) -> None:
    make_prepaid(proxy.tenant, USD)
    if budget:
        set_budget(proxy.tenant, "project", proxy.tenant.project.id, "month", usd=USD)
    body = {"model": MODEL, "messages": HI, "max_tokens": 20}
    assert proxy.post("/v1/chat/completions", body).status_code == 200
    asked.clear()
    assert proxy.post("/v1/chat/completions", body).status_code == 200
    statements = [each for each in asked if each.startswith("sql")]
    assert statements == [f"sql {holds_postgresql.HOLD}", f"sql {holds_postgresql.END_MANY}"]
    database.lane("hold").close()
    database.lane("end").close()


def test_a_policy_is_asked_without_waiting_for_anything_more(proxy: Proxy, asked: list[str]) -> None:
    tenant = proxy.tenant
    when = {"plan": "free", "task_type": "chat", "input_tokens": {"lt": 999}, "time_of_day": {"gte": "00:00"}}
    rule = {"label": "Free", "when": when, "action": "DOWNGRADE", "models": [MODEL]}
    policies.create(SYSTEM, tenant.workspace.id, tenant.project.id, {"key": "chat", "rules": [rule]})
    body = {"model": "openai/gpt-4o", "messages": HI}
    who = {"x_kagu_user_id": "u", "x_kagu_policy_key": "chat", "x_kagu_plan_id": "free"}
    first = proxy.post("/runtime/proxy/chat/completions", body, **who)
    assert first.get_json()["kagu"]["action"] == "DOWNGRADE"
    asked.clear()
    assert proxy.post("/runtime/proxy/chat/completions", body, **who).status_code == 200
    assert asked == ["redis GET"]


def test_advice_waits_once_for_redis_and_a_report_for_one_transaction(proxy: Proxy, asked: list[str]) -> None:
    where = SYSTEM, proxy.tenant.workspace.id, proxy.tenant.project.id
    projects.update(*where, {"surfaces": ["proxy", "light"]})
    policies.create(*where, {"key": "chat", "rules": []})
    body = {"userId": "u", "policyKey": "chat", "requestedModel": MODEL}
    for path, status in (("/runtime/light/advice", 200), ("/runtime/light/requests", 202)):
        assert proxy.post(path, body).status_code == status
        asked.clear()
        assert proxy.post(path, body).status_code == status
        assert [each for each in asked if each.startswith("redis")] == ["redis GET"]
        assert path.endswith("requests") == any("INSERT INTO reported_hours" in each for each in asked)
        assert len(asked) <= (1 if path.endswith("advice") else 7)


@pytest.mark.parametrize(("more", "found"), [({}, []), ({"zdr": False}, [MODEL])], ids=["plain", "wish"])
def test_a_named_model_is_found_without_looking_at_the_others(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], found: list[str]
) -> None:
    body = {"model": MODEL, "messages": HI, **more}
    assert proxy.post("/v1/chat/completions", body).status_code == 200
    looked: list[str] = []
    candidate = Lineup.candidate

    def noted(self: Lineup, model_id: str) -> Any:
        looked.append(model_id)
        return candidate(self, model_id)

    monkeypatch.setattr(Lineup, "candidate", noted)
    assert proxy.post("/v1/chat/completions", body).status_code == 200
    assert looked == found, "for a plain call it was found before"


def test_a_further_key_reads_itself_and_nothing_that_its_project_knows(
    proxy: Proxy, asked: list[str]
) -> None:
    tenant, body = proxy.tenant, {"model": MODEL, "messages": HI}
    minted = [keys.create(SYSTEM, tenant.workspace.id, tenant.project.id, {"name": name}) for name in "ab"]
    proxy.post("/v1/chat/completions", body)  # the project's models are read
    for made in minted:
        asked.clear()
        answer = proxy.post("/v1/chat/completions", body, Authorization=f"Bearer {made.secret}")
        assert answer.status_code == 200
        assert len([each for each in asked if "FROM keys" in each]) == len(named(asked, "sql SELECT")) == 2
    set_price(tenant, MODEL, input_usd_per_million="2", output_usd_per_million="20")
    asked.clear()
    proxy.post("/v1/chat/completions", body, Authorization=f"Bearer {minted[0].secret}")
    assert len([each for each in asked if "FROM keys" in each]) == 1  # and of the project what has changed
    assert any("model_overrides" in each for each in asked)
    asked.clear()
    proxy.post("/v1/chat/completions", body, Authorization=f"Bearer {minted[1].secret}")
    assert len(named(asked, "sql SELECT")) == 1


def named(asked: list[str], kind: str) -> list[str]:
    """Return what was asked of Redis or of the database."""
    return [each for each in asked if each.startswith(kind)]
