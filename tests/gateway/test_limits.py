"""Limits at the door: what a refusal looks like, what an answer tells, whose limit counts, Redis away."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import update

from app import redis_store
from app.database import database
from app.domain.actors import SYSTEM
from app.extensions import redis
from app.models import Account
from app.providers import demo
from app.services import endpoints, keys, limits, plans
from tests import servers
from tests.providers_world import add_endpoint, add_provider, records
from tests.upstream import Upstream
from tests.upstream_replies import error_reply, openai_completion, openai_stream
from tests.world import Tenant, World

HI = {"message": "Hi"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the demo model answer without its pauses, and a busy machine's Redis answer at all."""
    monkeypatch.setattr(redis_store, "TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(demo, "WORD_SECONDS", dict.fromkeys(demo.WORD_SECONDS, 0.0))


def limit_key(tenant: Tenant, **values: int) -> None:
    keys.update(SYSTEM, tenant.workspace.id, tenant.key.id, {"limits": values})


def limit_endpoint(tenant: Tenant, **values: int) -> None:
    endpoints.save(SYSTEM, tenant.workspace.id, tenant.endpoint.id, {"limits": values})


def another_key(tenant: Tenant, **fields: Any) -> dict[str, str]:
    made = keys.create(SYSTEM, tenant.workspace.id, tenant.project.id, {"name": "other", **fields})
    return {"Authorization": f"Bearer {made.secret}"}


def statuses(
    client: FlaskClient, tenant: Tenant, times: int, headers: dict[str, str] | None = None
) -> list[int]:
    headers = headers or tenant.headers
    return [client.post(tenant.url, json=HI, headers=headers).status_code for _ in range(times)]


def test_a_refusal_has_the_body_and_the_header_of_its_seed(client: FlaskClient, world: World) -> None:
    limit_key(world.acme, requests_per_minute=2)
    assert statuses(client, world.acme, 2) == [200, 200]
    refused = client.post(world.acme.url, json=HI, headers=world.acme.headers)
    wait = int(refused.headers["Retry-After"])
    assert refused.status_code == 429 and 1 <= wait <= 120
    assert refused.get_json() == {
        "ok": False, "error": "Rate limit exceeded.", "scope": "minute", "retry_after": wait
    }  # fmt: skip
    record = records()[-1]
    assert (record.outcome, record.status, record.error_code) == ("refused", 429, "rate_limit_exceeded")
    assert "This key allows 2 requests per minute" in record.error_message


@pytest.mark.parametrize(
    ("limit", "scope"),
    [
        ("requests_per_minute", "minute"),
        ("requests_per_hour", "hour"),
        ("burst_per_second", "second"),
        ("tokens_per_minute", "tokens"),
    ],
)
def test_the_refusal_names_what_ran_out(client: FlaskClient, world: World, limit: str, scope: str) -> None:
    limit_endpoint(world.acme, **{limit: 1})
    answers = [client.post(world.acme.url, json=HI, headers=world.acme.headers) for _ in range(3)]
    assert answers[0].status_code == 200
    assert scope in [answer.get_json().get("scope") for answer in answers]


def test_openai_clients_get_their_own_error(client: FlaskClient, world: World) -> None:
    limit_key(world.acme, requests_per_minute=1)
    url = f"/api/{world.acme.project.id}/v1/chat/completions"
    body = {"model": "hello", "messages": [{"role": "user", "content": "Hi"}]}
    assert client.post(url, json=body, headers=world.acme.headers).status_code == 200
    refused = client.post(url, json=body, headers=world.acme.headers)
    error = refused.get_json()["error"]
    assert refused.status_code == 429 and error["type"] == "rate_limit_error"
    assert error["code"] == "rate_limit_exceeded" and "60" not in error["message"]
    assert int(refused.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_tells_what_is_left_of_the_tightest_limit(
    client: FlaskClient, world: World, stream: bool
) -> None:
    limit_key(world.acme, requests_per_minute=60, tokens_per_minute=5_000)
    limit_endpoint(world.acme, requests_per_hour=10)
    headers = client.post(world.acme.url, json={**HI, "stream": stream}, headers=world.acme.headers).headers
    assert headers["X-RateLimit-Limit-Requests"] == "10"
    assert headers["X-RateLimit-Remaining-Requests"] == "9"
    assert 3600 <= int(headers["X-RateLimit-Reset-Requests"].removesuffix("s")) <= 7200
    assert headers["X-RateLimit-Limit-Tokens"] == "5000"
    assert 4_900 < int(headers["X-RateLimit-Remaining-Tokens"]) < 5_000


def test_without_limits_nothing_is_told_and_nothing_counted(client: FlaskClient, world: World) -> None:
    answer = client.post(world.acme.url, json=HI, headers=world.acme.headers)
    assert not [name for name in answer.headers.keys() if name.lower().startswith("x-ratelimit")]
    assert redis.command("KEYS", "sluice:limit:*") == []


def test_a_keys_limit_stands_in_for_the_endpoints(client: FlaskClient, world: World) -> None:
    limit_endpoint(world.acme, requests_per_minute=1, requests_per_hour=4)
    limit_key(world.acme, requests_per_minute=3)
    assert statuses(client, world.acme, 4) == [200, 200, 200, 429]
    assert statuses(client, world.acme, 2, another_key(world.acme)) == [200, 429]


def test_a_plan_limits_all_keys_of_its_account_together(client: FlaskClient, world: World) -> None:
    plan = plans.create(SYSTEM, {"slug": "tiny", "requests_per_minute": 3})
    where = Account.workspace_id == world.acme.workspace.id
    database.transaction(
        lambda session: session.execute(update(Account).where(where).values(plan_id=plan.id))
    )
    limit_key(world.acme, requests_per_minute=2)
    assert statuses(client, world.acme, 3) == [200, 200, 429], "the key's refusal took nothing of the plan"
    assert statuses(client, world.acme, 2, another_key(world.acme)) == [200, 429]
    assert "The plan allows 3 requests" in records()[-1].error_message


def test_what_a_later_step_refuses_was_counted(client: FlaskClient, world: World) -> None:
    limit_key(world.acme, requests_per_minute=2)
    both = {"message": "Hi", "messages": [{"role": "user", "content": "Hi"}]}
    assert client.post(world.acme.url, json=both, headers=world.acme.headers).status_code == 422
    assert statuses(client, world.acme, 2) == [200, 429]


def test_a_call_that_found_its_key_changed_counts_once(client: FlaskClient, world: World) -> None:
    limit_key(world.acme, requests_per_minute=9)
    left = []
    for name in ("a", "b", "c"):
        answer = client.post(world.acme.url, json=HI, headers=world.acme.headers)
        left.append(answer.headers["X-RateLimit-Remaining-Requests"])
        keys.update(SYSTEM, world.acme.workspace.id, world.acme.key.id, {"name": name})
    assert left == ["8", "7", "6"]


def test_a_changed_limit_counts_at_once(client: FlaskClient, world: World) -> None:
    limit_key(world.acme, requests_per_minute=1)
    assert statuses(client, world.acme, 2) == [200, 429]
    limit_key(world.acme, requests_per_minute=3)
    assert statuses(client, world.acme, 3) == [200, 200, 429]
    limit_key(world.acme)
    assert statuses(client, world.acme, 2) == [200, 200]


def test_a_place_is_free_again_however_the_call_ends(
    client: FlaskClient, world: World, upstream: Upstream
) -> None:
    add_provider(world.acme, upstream, "up")
    url = add_endpoint(world.acme, "one", "up/m", limits={"concurrency": 1})
    upstream.script("m", openai_completion("Hello"), error_reply(500), error_reply(400))
    answers = [client.post(url, json=body, headers=world.acme.headers) for body in (HI, HI, HI, {}, HI)]
    assert [answer.status_code for answer in answers] == [200, 502, 502, 422, 502]
    upstream.script("m", openai_stream("Hello", "world"))
    streamed = client.post(url, json={**HI, "stream": True}, headers=world.acme.headers)
    refused = client.post(url, json=HI, headers=world.acme.headers)
    assert (refused.status_code, refused.get_json()["scope"]) == (429, "concurrency")
    streamed.close()
    assert client.post(url, json=HI, headers=world.acme.headers).status_code != 429


def test_tokens_count_as_the_provider_counted_them(
    client: FlaskClient, world: World, upstream: Upstream
) -> None:
    add_provider(world.acme, upstream, "up")
    url = add_endpoint(world.acme, "counted", "up/m", limits={"tokens_per_minute": 10_000})
    upstream.script(
        "m",
        openai_completion("Hello", usage={"prompt_tokens": 6_000, "completion_tokens": 1_000}),
        error_reply(500),
    )
    body = {**HI, "max_tokens": 2_000}
    for _ in range(2):
        assert client.post(url, json=body, headers=world.acme.headers).status_code in (200, 502)
        upstream.script("m", error_reply(500))
    upstream.script("m", openai_completion("Hello"))
    answer = client.post(url, json=body, headers=world.acme.headers)
    left = int(answer.headers["X-RateLimit-Remaining-Tokens"])
    assert 900 < left < 1_000, "the first call's true 7,000, nothing for the failed one, 2,000 expected now"


def test_a_key_calls_only_the_endpoints_it_may(client: FlaskClient, world: World) -> None:
    add_endpoint(world.acme, "second", "demo/demo-fast")
    headers = another_key(world.acme, endpoints=["second"])
    refused = client.post(world.acme.url, json=HI, headers=headers)
    assert (refused.status_code, refused.get_json()["ok"]) == (403, False)
    assert refused.get_json()["error"] == "This key may not call the endpoint 'hello'."
    assert client.post(f"/api/{world.acme.project.id}/second", json=HI, headers=headers).status_code == 200
    named = {"model": "hello", "messages": [{"role": "user", "content": "Hi"}]}
    answer = client.post(f"/api/{world.acme.project.id}/v1/chat/completions", json=named, headers=headers)
    assert (answer.status_code, answer.get_json()["error"]["type"]) == (403, "permission_error")
    listed = client.get(f"/api/{world.acme.project.id}/endpoints", headers=headers).get_json()["endpoints"]
    assert [endpoint["slug"] for endpoint in listed] == ["second"]


def test_leave_to_call_an_endpoint_counts_at_once(client: FlaskClient, world: World) -> None:
    add_endpoint(world.acme, "second", "demo/demo-fast")
    workspace, key = world.acme.workspace.id, world.acme.key.id
    keys.update(SYSTEM, workspace, key, {"endpoints": ["second"]})
    assert statuses(client, world.acme, 1) == [403]
    keys.update(SYSTEM, workspace, key, {"endpoints": ["hello", "second"]})
    assert statuses(client, world.acme, 1) == [200]
    keys.update(SYSTEM, workspace, key, {"endpoints": ["second"]})
    assert statuses(client, world.acme, 1) == [403]


def test_a_key_follows_its_endpoint_to_a_new_slug(client: FlaskClient, world: World) -> None:
    headers = another_key(world.acme, endpoints=["hello"])
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, {"slug": "hi"})
    assert client.post(f"/api/{world.acme.project.id}/hi", json=HI, headers=headers).status_code == 200


def test_a_key_can_ask_what_it_may(client: FlaskClient, world: World) -> None:
    rules = {"limits": {"requests_per_minute": 5}, "endpoints": ["hello"], "labels": {"team": "web"}}
    answer = client.get(f"/api/{world.acme.project.id}/info", headers=another_key(world.acme, **rules))
    assert answer.get_json()["token"].items() >= rules.items()


@pytest.fixture
def own_redis(world: World, redis_url: str) -> Iterator[Redis]:
    """A Valkey that may be stopped, which the product runs on; the tenant's calls are limited."""
    limit_key(world.acme, requests_per_minute=3)
    with servers.valkey() as url:
        redis.configure(url)
        yield Redis.from_url(url)
        redis.configure(redis_url)
        forget_failures()


def forget_failures() -> None:
    redis._closed_until, redis._failures = 0.0, 0


def test_with_redis_gone_each_process_keeps_to_its_share(
    client: FlaskClient, world: World, own_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits.failopen, "workers", 2)
    monkeypatch.setattr(limits.failopen, "total", 0)
    assert statuses(client, world.acme, 1) == [200]
    own_redis.shutdown(nosave=True)
    assert statuses(client, world.acme, 8) == [200, 200, *[429] * 6]
    assert limits.failopen.total == 8


def test_a_hung_redis_costs_no_call(client: FlaskClient, world: World, own_redis: Redis) -> None:
    assert statuses(client, world.acme, 1) == [200]
    pid = own_redis.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        assert statuses(client, world.acme, 8) == [200, 200, 200, *[429] * 5]
    finally:
        os.kill(pid, signal.SIGCONT)
    forget_failures()
    assert own_redis.ping() and statuses(client, world.acme, 3)[-1] == 429


def test_a_place_that_a_hung_redis_gives_too_late_is_given_back(
    client: FlaskClient, world: World, own_redis: Redis
) -> None:
    limit_key(world.acme, concurrency=1)
    assert statuses(client, world.acme, 1) == [200]
    pid = own_redis.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        assert statuses(client, world.acme, 8) == [200] * 8
    finally:
        os.kill(pid, signal.SIGCONT)
    forget_failures()
    (place,) = own_redis.keys("sluice:limit:*")
    assert own_redis.zcard(place) == 1, "it woke up and did what it was asked long ago"
    assert statuses(client, world.acme, 3)[1:] == [200, 200]


def test_a_flushed_redis_only_starts_the_windows_over(
    client: FlaskClient, world: World, own_redis: Redis
) -> None:
    for _ in range(3):
        assert statuses(client, world.acme, 4) == [200, 200, 200, 429]
        own_redis.flushall()
        own_redis.script_flush()
