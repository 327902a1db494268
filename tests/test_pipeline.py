"""A call's journey, seen from outside: failover, what is sent on, what is recorded and charged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.database import database
from app.domain.actors import SYSTEM
from app.models import RecordRow
from app.services import credentials, endpoints, keys, projects, providers
from tests.providers_world import SECRET, add_endpoint, add_provider, records, set_price
from tests.upstream import Upstream
from tests.upstream_replies import (
    Cut,
    Reply,
    error_reply,
    json_reply,
    openai_completion,
    openai_events,
    openai_stream,
)
from tests.world import World

SSE = {"Content-Type": "text/event-stream"}
HI = {"message": "Hi"}


@pytest.fixture
def chain(world: World, upstream: Upstream) -> str:
    """The path of an endpoint that tries `first`, then `second`, both at the upstream."""
    add_provider(world.acme, upstream, "up")
    return add_endpoint(world.acme, "chain", "up/first", "up/second")


@pytest.mark.parametrize(
    "failure",
    [
        error_reply(500),
        error_reply(503),
        error_reply(529),
        error_reply(429),
        error_reply(401),
        Reply([Cut], framing="raw"),
        json_reply({"nonsense": True}),
        json_reply({"error": {"message": "overloaded"}}),
    ],
    ids=["500", "503", "529", "429", "401", "cut", "nonsense", "error with 200"],
)
@pytest.mark.parametrize("stream", [False, True])
def test_the_next_model_answers_when_one_fails_before_its_first_byte(
    client: FlaskClient, world: World, upstream: Upstream, chain: str, failure: Reply, stream: bool
) -> None:
    upstream.script("first", failure)
    upstream.script("second", openai_stream("Hello") if stream else openai_completion("Hello"))
    response = client.post(chain, json={**HI, "stream": stream}, headers=world.acme.headers)
    assert response.status_code == 200 and "Hello" in response.text
    (record,) = records()
    assert [attempt["model_id"] for attempt in record.attempts] == ["up/first", "up/second"]
    assert record.outcome == "succeeded" and record.attempts[1]["status"] == "answered"
    assert record.attempts[0]["reason"] and SECRET not in json.dumps(record.attempts)


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_a_refusal_of_the_request_itself_is_final(
    client: FlaskClient, world: World, upstream: Upstream, chain: str, status: int
) -> None:
    upstream.script("first", error_reply(status, "max_tokens is too large"))
    response = client.post(chain, json=HI, headers=world.acme.headers)
    assert response.status_code == 502 and "max_tokens is too large" in response.get_json()["error"]
    assert len(upstream.requests) == 1
    assert (records()[0].cost_nano_usd, records()[0].status) == (0, 502)


def test_nothing_fails_over_after_the_first_byte(
    client: FlaskClient, world: World, upstream: Upstream, chain: str
) -> None:
    upstream.script("first", Reply([*list(openai_events("one "))[:2], Cut], headers=SSE))
    text = client.post(chain, json={**HI, "stream": True}, headers=world.acme.headers).text
    assert "event: error" in text and len(upstream.requests) == 1
    (record,) = records()
    assert record.outcome == "cut" and record.estimated and record.output_tokens > 0


def test_when_all_fail_the_answer_is_502_and_free(
    client: FlaskClient, world: World, upstream: Upstream, chain: str
) -> None:
    upstream.script("first", error_reply(500))
    upstream.script("second", error_reply(503, "down for maintenance"))
    response = client.post(chain, json=HI, headers=world.acme.headers)
    assert response.status_code == 502 and "2 attempts" in response.get_json()["error"]
    (record,) = records()
    assert (record.outcome, record.status) == ("failed", 502)
    assert (record.cost_nano_usd, record.input_tokens) == (0, 0)


@pytest.mark.parametrize("status", [401, 429])
def test_the_providers_other_key_is_tried(
    client: FlaskClient, world: World, upstream: Upstream, status: int
) -> None:
    add_provider(world.acme, upstream, "two", "sk-first-key-000000", "sk-second-key-00000")
    path = add_endpoint(world.acme, "two", "two/m")
    upstream.script("m", error_reply(status), openai_completion("Hello"))
    assert client.post(path, json=HI, headers=world.acme.headers).status_code == 200
    sent = [request.headers["authorization"] for request in upstream.requests]
    assert sent == ["Bearer sk-first-key-000000", "Bearer sk-second-key-00000"]


def test_an_endpoint_without_any_usable_provider_says_why(
    client: FlaskClient, world: World, upstream: Upstream, chain: str
) -> None:
    provider = next(p for p in providers.list_all(SYSTEM, world.acme.workspace.id) if p.slug == "up")
    providers.update(SYSTEM, world.acme.workspace.id, provider.id, {"active": False})
    response = client.post(chain, json=HI, headers=world.acme.headers)
    assert response.status_code == 502 and "switched off" in response.get_json()["error"]
    assert upstream.requests == []


def test_prompt_template_and_settings_reach_the_provider(
    client: FlaskClient, world: World, upstream: Upstream
) -> None:
    add_provider(world.acme, upstream, "up")
    path = add_endpoint(
        world.acme,
        "shaped",
        "up/m",
        prompt="You are careful.",
        user_prompt_template="Summarize: {{input}}",
        temperature=0.3,
        top_p=0.9,
        max_output_tokens=50,
    )
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "{{input}} & {{x}}"}]
    assert client.post(path, json={"messages": messages}, headers=world.acme.headers).status_code == 200
    assert upstream.requests[-1].json == {
        "model": "m",
        "temperature": 0.3,
        "top_p": 0.9,
        "max_tokens": 50,
        "messages": [
            {"role": "system", "content": "You are careful."},
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Summarize: {{input}} & {{x}}"},
        ],
    }


def test_no_header_of_the_client_reaches_the_provider(
    client: FlaskClient, world: World, upstream: Upstream, chain: str
) -> None:
    extra = {"Cookie": "a=b", "X-Api-Key": "mine", "X-Forwarded-For": "1.2.3.4", "X-Kagu-User-Id": "u"}
    client.post(chain, json=HI, headers={**world.acme.headers, **extra})
    sent = upstream.requests[-1].headers
    assert set(sent) <= {
        "host",
        "accept",
        "accept-encoding",
        "user-agent",
        "authorization",
        "content-type",
        "content-length",
    }
    assert sent["authorization"] == f"Bearer {SECRET}"


def test_the_openai_door_passes_what_the_client_sends(
    client: FlaskClient, world: World, upstream: Upstream
) -> None:
    add_provider(world.acme, upstream, "up")
    add_endpoint(world.acme, "tools", "up/m", temperature=0.1, max_output_tokens=100)
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    body: dict[str, Any] = {
        "model": "tools",
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [tool],
        "temperature": 0.9,
        "max_tokens": 500,
        "seed": 7,
    }
    url = f"/api/{world.acme.project.id}/v1/chat/completions"
    assert client.post(url, json=body, headers=world.acme.headers).status_code == 200
    sent = upstream.requests[-1].json
    assert sent["tools"] == [tool] and sent["seed"] == 7 and sent["temperature"] == 0.9
    assert sent["max_tokens"] == 100, "the endpoint's limit holds"


def test_the_openai_door_passes_on_what_the_provider_says_of_a_bad_request(
    client: FlaskClient, world: World, upstream: Upstream, chain: str
) -> None:
    upstream.script("first", error_reply(400, "tools[0] is wrong"))
    url = f"/api/{world.acme.project.id}/v1/chat/completions"
    body = {"model": "chain", "messages": [{"role": "user", "content": "Hi"}]}
    response = client.post(url, json=body, headers=world.acme.headers)
    assert response.status_code == 400
    assert response.get_json()["error"]["type"] == "invalid_request_error"


def test_usage_and_price_make_the_cost(
    client: FlaskClient, world: World, upstream: Upstream, chain: str
) -> None:
    set_price(world.acme, "up/first", input_usd_per_million="2", output_usd_per_million="10")
    usage = {"prompt_tokens": 1_000, "completion_tokens": 500, "total_tokens": 1_500}
    upstream.script("first", openai_completion("Hello", usage=usage))
    response = client.post(chain, json=HI, headers=world.acme.headers)
    assert response.headers["X-Sluice-Cost-Usd"] == "0.007"
    (record,) = records()
    assert record.cost_nano_usd == 7_000_000
    assert record.price["input"] == 2_000_000_000


@pytest.mark.parametrize("bad", [None, {"prompt_tokens": -5, "completion_tokens": 1}, {"prompt_tokens": "9"}])
def test_usage_that_is_missing_or_absurd_is_counted_instead(
    client: FlaskClient, world: World, upstream: Upstream, chain: str, bad: Any
) -> None:
    upstream.script("first", openai_completion("Hello there my friend", usage=bad))
    body = client.post(chain, json=HI, headers=world.acme.headers).get_json()
    (record,) = records()
    assert record.estimated and record.output_tokens >= 3 and record.input_tokens > 0
    assert body["usage"]["completion_tokens"] == record.output_tokens


def test_a_price_that_nobody_knows_is_unknown_not_zero(
    client: FlaskClient, world: World, upstream: Upstream, chain: str
) -> None:
    response = client.post(chain, json=HI, headers=world.acme.headers)
    assert response.headers["X-Sluice-Cost-Usd"] == "unknown"
    assert records()[0].cost_nano_usd is None


def test_a_refused_call_is_recorded_and_one_with_an_unknown_key_is_not(
    client: FlaskClient, world: World
) -> None:
    client.post(world.acme.url, json=HI)
    client.post(f"{world.acme.url}-nope", json=HI, headers=world.acme.headers)
    (record,) = records()
    assert (record.outcome, record.status, record.error_code) == ("refused", 404, "not_found")
    assert record.endpoint_slug == "hello-nope" and record.workspace_id == world.acme.workspace.id


def test_a_key_used_on_another_project_shows_in_its_own_workspace(client: FlaskClient, world: World) -> None:
    client.post(world.other.url, json=HI, headers=world.acme.headers)
    (record,) = records()
    assert (record.workspace_id, record.status) == (world.acme.workspace.id, 403)


def test_prompts_are_kept_only_where_setting_and_project_agree(client: FlaskClient, world: World) -> None:
    projects.update(SYSTEM, world.acme.workspace.id, world.acme.project.id, {"log_content": True})
    client.post(world.acme.url, json={"message": "a secret thought"}, headers=world.acme.headers)
    assert records()[0].content is None


def test_a_saved_change_holds_from_the_next_call_on(client: FlaskClient, world: World) -> None:
    def prompt_of(body: dict[str, Any]) -> str:
        return client.post(world.acme.url, json=body, headers=world.acme.headers).get_json()["content"]

    prompt_of(HI)
    endpoints.save(
        SYSTEM,
        world.acme.workspace.id,
        world.acme.endpoint.id,
        {"user_prompt_template": "Say {{input}} loudly"},
    )
    assert "Say Hi loudly" in prompt_of(HI)


def test_each_step_stops_those_after_it(
    client: FlaskClient, world: World, upstream: Upstream, chain: str
) -> None:
    nothing = keys.create(
        SYSTEM, world.acme.workspace.id, world.acme.project.id, {"name": "n", "scopes": ["models"]}
    )
    no_scope = {"Authorization": f"Bearer {nothing.secret}"}
    steps = [
        ({}, chain, b"not json", 401),
        (no_scope, chain, b"not json", 403),
        (world.acme.headers, f"{chain}-nope", b"not json", 400),
        (world.acme.headers, f"{chain}-nope", b"{}", 404),
        (world.acme.headers, chain, b"{}", 422),
    ]
    for headers, path, body, status in steps:
        assert client.post(path, data=body, headers=headers).status_code == status
    assert upstream.requests == []


def test_a_refusal_ends_with_the_change_that_lifts_it(client: FlaskClient, world: World) -> None:
    workspace_id, project_id = world.acme.workspace.id, world.acme.project.id
    key = keys.create(SYSTEM, workspace_id, project_id, {"name": "narrow", "scopes": ["models"]})
    headers = {"Authorization": f"Bearer {key.secret}"}
    assert client.post(world.acme.url, json=HI, headers=headers).status_code == 403
    keys.update(SYSTEM, workspace_id, key.key.id, {"scopes": ["chat"]})
    assert client.post(world.acme.url, json=HI, headers=headers).status_code == 200
    projects.update(SYSTEM, workspace_id, project_id, {"surfaces": ["proxy"]})
    assert client.post(world.acme.url, json=HI, headers=headers).status_code == 400
    projects.update(SYSTEM, workspace_id, project_id, {"surfaces": ["endpoints"]})
    assert client.post(world.acme.url, json=HI, headers=headers).status_code == 200


def test_a_provider_key_added_later_lets_the_endpoint_answer(
    client: FlaskClient, world: World, upstream: Upstream
) -> None:
    fields = {"slug": "late", "dialect": "openai", "base_url": upstream.v1}
    provider = providers.create(SYSTEM, world.acme.workspace.id, fields)
    path = add_endpoint(world.acme, "late", "late/m")
    refused = client.post(path, json=HI, headers=world.acme.headers)
    assert refused.status_code == 502 and "no active API key" in refused.get_json()["error"]
    credentials.create(SYSTEM, world.acme.workspace.id, provider.id, {"name": "main", "secret": SECRET})
    assert client.post(path, json=HI, headers=world.acme.headers).status_code == 200


@pytest.mark.parametrize("model", [5, {"a": 1}, "a\x00b", "m" * 500])
def test_a_provider_that_names_its_model_strangely_still_answers_and_is_recorded(
    client: FlaskClient, world: World, upstream: Upstream, chain: str, model: Any
) -> None:
    message = {"role": "assistant", "content": "Hello"}
    choice = {"index": 0, "message": message, "finish_reason": "stop" * 20}
    upstream.script("first", json_reply({"id": "x", "model": model, "choices": [None, choice]}))
    response = client.post(chain, json=HI, headers=world.acme.headers)
    assert response.status_code == 200 and response.get_json()["content"] == "Hello"
    assert records()[0].outcome == "succeeded"


def test_a_slug_that_cannot_be_one_is_unknown(client: FlaskClient, world: World) -> None:
    url = f"/api/{world.acme.project.id}/a%00b"
    assert client.post(url, json=HI, headers=world.acme.headers).status_code == 404
    (record,) = records()
    assert (record.status, record.endpoint_slug) == (404, "a\ufffdb")


def test_content_that_is_not_kept_is_nothing_at_all(client: FlaskClient, world: World) -> None:
    client.post(world.acme.url, json=HI, headers=world.acme.headers)
    kept = select(func.count()).where(RecordRow.content.is_not(None))
    assert database.read(lambda session: session.scalar(kept)) == 0, "the purge would rewrite it every night"


def messages_event(kind: str, **fields: Any) -> bytes:
    """One event as Anthropic sends it."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def test_a_cut_answer_costs_what_came_even_where_the_first_event_has_a_usage(
    client: FlaskClient, world: World, upstream: Upstream
) -> None:
    add_provider(world.acme, upstream, "an", dialect="anthropic")
    path = add_endpoint(world.acme, "an", "an/m")
    start = {"id": "x", "role": "assistant", "model": "m", "usage": {"input_tokens": 10, "output_tokens": 1}}
    words = [{"type": "text_delta", "text": f"word {n} and more "} for n in range(20)]
    deltas = [messages_event("content_block_delta", index=0, delta=word) for word in words]
    upstream.script("m", Reply([messages_event("message_start", message=start), *deltas, Cut], headers=SSE))
    text = client.post(path, json={**HI, "stream": True}, headers=world.acme.headers).text
    assert "event: error" in text
    (record,) = records()
    assert (record.outcome, record.input_tokens, record.estimated) == ("cut", 10, True)
    assert record.output_tokens > 60


def test_tool_calls_are_counted_when_the_provider_does_not(
    client: FlaskClient, world: World, upstream: Upstream, chain: str
) -> None:
    function = {"name": "look_up", "arguments": json.dumps({"text": "word " * 100})}
    message = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": function}]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    upstream.script("first", json_reply({"id": "x", "model": "m", "choices": [choice]}))
    assert client.post(chain, json=HI, headers=world.acme.headers).status_code == 200
    (record,) = records()
    assert record.estimated and record.output_tokens > 100


def test_a_number_of_any_size_is_passed_on(
    client: FlaskClient, world: World, upstream: Upstream, chain: str
) -> None:
    url = f"/api/{world.acme.project.id}/v1/chat/completions"
    body = {"model": "chain", "messages": [{"role": "user", "content": "Hi"}], "seed": 10**30}
    assert client.post(url, data=json.dumps(body), headers=world.acme.headers).status_code == 200
    assert json.loads(upstream.requests[-1].body)["seed"] == 10**30
