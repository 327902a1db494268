"""The metered proxy: what goes up, what comes back, who is let in, and what each call cost (M1-M14)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.models import User
from app.services import answer_ids, credentials, projects, providers
from app.services.health import health
from tests.forgetting import forget_everything
from tests.gateway.passthrough_replies import embeddings_reply, response_reply
from tests.gateway.passthrough_world import BODY, MESSAGE, Proxy, make_proxy
from tests.providers_world import records, set_price
from tests.upstream import Upstream
from tests.upstream_replies import (
    Cut,
    Reply,
    Reset,
    anthropic_message,
    error_reply,
    json_reply,
    openai_completion,
)
from tests.world import World

CHAT = "/v1/openai/chat/completions"
MESSAGES = "/v1/anthropic/messages"
RESPONSE = {"model": "gpt-x", "input": "Tell me a joke."}


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    return make_proxy(world.acme, upstream, client)


def test_body_and_answer_pass_byte_for_byte(proxy: Proxy) -> None:
    sent = (
        b'{ "model" : "gpt-x",\n\t"messages":[{"role":"user","content":"h\\u00e9 \xc3\xa9"}], "x_new": 1.50 }'
    )
    answer = b'{"id":"chatcmpl-9",  "model":"up-model", "choices":[], "usage":null, "extra" : [1, 2]}\n'
    proxy.upstream.script("gpt-x", Reply([answer], framing="length"))
    response = proxy.post(CHAT, sent)
    assert (response.status_code, response.data) == (200, answer)
    assert response.headers["Content-Type"] == "application/json"
    got = proxy.upstream.requests[-1]
    assert (got.method, got.path, got.body) == ("POST", "/v1/chat/completions", sent)


def test_the_clients_key_and_cookies_stay_here(proxy: Proxy) -> None:
    named = {
        "OpenAI_Beta": "assistants=v2",
        "OpenAI_Organization": "org-mine",
        "Cookie": "a=b",
        "X_Api_Key": "another",
        "X_Forwarded_For": "1.2.3.4",
        "User_Agent": "mine/1",
        "Accept_Encoding": "gzip, br",
    }
    proxy.post(CHAT, BODY, **named)
    got = proxy.upstream.requests[-1].headers
    assert got["authorization"] == "Bearer sk-upstream-secret-0001"
    assert got["openai-beta"] == "assistants=v2"
    assert (got["user-agent"], got["accept-encoding"]) == ("sluice", "identity")
    assert not {"cookie", "x-api-key", "x-forwarded-for", "openai-organization"} & got.keys()
    assert proxy.tenant.secret not in json.dumps(got)


def test_the_providers_harmless_headers_come_back(proxy: Proxy) -> None:
    said = {
        "openai-processing-ms": "12",
        "request-id": "req_1",
        "set-cookie": "a=b",
        "x-ratelimit-limit": "9",
    }
    reply = openai_completion("Hi")
    reply.headers |= {**said, "x-request-id": "theirs"}
    proxy.upstream.script("gpt-x", reply)
    response = proxy.post(CHAT, BODY, X_Request_Id="mine-7")
    assert response.headers["openai-processing-ms"] == "12" and response.headers["request-id"] == "req_1"
    assert "set-cookie" not in response.headers and "x-ratelimit-limit" not in response.headers
    assert response.headers["X-Request-Id"] == "mine-7"
    assert response.headers["X-Sluice-Provider"] == "openai"
    assert response.headers["X-Sluice-Request-Id"] == proxy.record.id


def test_anthropic_takes_the_key_either_way_and_gets_its_version(proxy: Proxy) -> None:
    bare = {"x-api-key": proxy.tenant.secret}
    for path in (MESSAGES, "/v1/anthropic/v1/messages", "/v1/Anthropic/messages"):
        response = proxy.client.post(path, json=MESSAGE, headers=bare)
        assert response.status_code == 200 and response.get_json()["id"] == "msg_1"
        got = proxy.upstream.requests[-1]
        assert got.path == "/v1/messages" and got.headers["x-api-key"] == "sk-upstream-secret-0001"
        assert got.headers["anthropic-version"] == "2023-06-01" and "authorization" not in got.headers
    proxy.post(MESSAGES, MESSAGE, Anthropic_Version="2024-01-01", Anthropic_Beta="a,b")
    got = proxy.upstream.requests[-1].headers
    assert (got["anthropic-version"], got["anthropic-beta"]) == ("2024-01-01", "a,b")
    assert proxy.client.post(CHAT, json=BODY, headers=bare).status_code == 401


USAGES: list[tuple[str, dict[str, Any], Reply, dict[str, Any]]] = [
    (
        CHAT,
        BODY,
        openai_completion(
            "Hi",
            {
                "prompt_tokens": 10,
                "completion_tokens": 4,
                "total_tokens": 14,
                "prompt_tokens_details": {"cached_tokens": 6},
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
        ),
        {"operation": "chat", "input_tokens": 10, "output_tokens": 4, "cache_read_tokens": 6,
         "reasoning_tokens": 3, "finish_reason": "stop", "model_answered": "up-model"},
    ),
    (
        "/v1/openai/responses",
        RESPONSE,
        response_reply(),
        {"operation": "responses", "input_tokens": 20, "output_tokens": 9, "cache_read_tokens": 8,
         "reasoning_tokens": 4, "upstream_id": "resp_1"},
    ),
    (
        MESSAGES,
        MESSAGE,
        anthropic_message("Hi", usage={"input_tokens": 7, "output_tokens": 3, "cache_read_input_tokens": 5,
                                       "cache_creation_input_tokens": 2}),
        {"operation": "messages", "input_tokens": 14, "output_tokens": 3, "cache_read_tokens": 5,
         "cache_write_tokens": 2, "finish_reason": "end_turn", "model_answered": "claude-up"},
    ),
    (
        "/v1/openai/embeddings",
        RESPONSE,
        embeddings_reply(),
        {"operation": "embeddings", "input_tokens": 5, "output_tokens": 0, "model_answered": "up-embed"},
    ),
]  # fmt: skip


def test_usage_is_read_in_every_shape(proxy: Proxy) -> None:
    for path, body, reply, expected in USAGES:
        proxy.upstream.script(body["model"], reply)
        assert proxy.post(path, body).status_code == 200
        assert {name: getattr(proxy.record, name) for name in expected} == expected
        assert not proxy.record.estimated and proxy.record.outcome == "succeeded"


def test_what_a_call_costs_is_the_price_of_the_model_it_named(proxy: Proxy) -> None:
    set_price(proxy.tenant, "openai/gpt-x", input_usd_per_million="1", output_usd_per_million="10")
    response = proxy.post(CHAT, BODY | {"user": "ann@example.test"})
    assert response.headers["X-Sluice-Cost-Usd"] == "0.000037"
    record = proxy.record
    assert record.cost_nano_usd == 7 * 1000 + 3 * 10_000 and record.end_user == "ann@example.test"
    assert (record.model_requested, record.provider) == ("openai/gpt-x", "openai")
    assert (record.surface, record.endpoint_slug) == ("proxy", "openai/chat/completions")


HOSTILE = [None, -1, "7", True, 10**18, 1.5, [], {}]


def test_hostile_usage_is_counted_instead(proxy: Proxy) -> None:
    for count in HOSTILE:
        usage = {"prompt_tokens": count, "completion_tokens": 3}
        proxy.upstream.script("gpt-x", openai_completion("one two three", usage))
        assert proxy.post(CHAT, BODY).status_code == 200
        record = proxy.record
        assert record.estimated, count
        assert 0 < record.input_tokens < 50 and 0 < record.output_tokens < 10, count


UNCOUNTED: list[tuple[str, dict[str, Any], Reply]] = [
    ("/v1/openai/responses", RESPONSE, response_reply(usage={"input_tokens": "x"})),
    (MESSAGES, MESSAGE, anthropic_message("one two three", usage={"input_tokens": 7})),
    ("/v1/openai/embeddings", RESPONSE, json_reply({"object": "list", "data": []})),
    ("/v1/openai/embeddings", RESPONSE | {"input": [[1, 2, 3]]}, json_reply({"data": []})),
]


def test_missing_usage_is_never_free(proxy: Proxy) -> None:
    for path, body, reply in UNCOUNTED:
        proxy.upstream.script(body["model"], reply)
        assert proxy.post(path, body).status_code == 200
        assert proxy.record.estimated and proxy.record.input_tokens > 0, path


def test_what_the_provider_refuses_comes_back_as_it_came(proxy: Proxy) -> None:
    for status in (400, 404, 409, 422, 429, 500, 503, 529):
        health.forget()  # else the key that was limited would make room for the next one
        check_refusal(proxy, status)
        health.forget()  # else its keys would take turns
    assert len(proxy.upstream.requests) == 8, "nobody else is asked"


def check_refusal(proxy: Proxy, status: int) -> None:
    body = b'{"error" : {"message":"No: sk-upstream-secret-0001!","type":"some_error"}}'
    headers = {"Retry-After": "7", "Content-Type": "application/json; charset=utf-8"}
    proxy.upstream.script("gpt-x", Reply([body], status, headers, framing="length"))
    response = proxy.post(CHAT, BODY)
    assert response.status_code == status
    assert response.data == body.replace(b"sk-upstream-secret-0001", "…".encode())
    assert response.headers["Retry-After"] == "7"
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    record = proxy.record
    assert (record.outcome, record.status, record.cost_nano_usd) == ("failed", status, 0)
    assert "sk-upstream" not in str(record.error_message) + str(record.attempts)


def test_a_page_instead_of_json_is_no_page_here(proxy: Proxy) -> None:
    reply = Reply([b"<script>1</script>"], 502, {"Content-Type": "text/html"}, framing="length")
    proxy.upstream.script("gpt-x", reply)
    response = proxy.post(CHAT, BODY)
    assert (response.status_code, response.data) == (502, b"<script>1</script>")
    assert response.headers["Content-Type"].startswith("text/plain")


BROKEN = [
    Reply([Reset], framing="raw"),
    Reply([b"<html>"], framing="length"),
    Reply([], framing="length"),
    Reply([], 204, framing="length"),
    Reply([b"{}"], 302, {"Location": "http://127.0.0.1/"}, framing="length"),
    Reply([b'{"choices":', Cut], framing="length", declared=50),
]


def test_what_is_no_answer_is_said_in_the_routes_dialect(proxy: Proxy) -> None:
    for reply in BROKEN:
        health.forget()  # else they would be left alone after the fifth
        proxy.upstream.script("gpt-x", reply)
        proxy.upstream.script("claude-x", reply)
        response = proxy.post(CHAT, BODY)
        assert response.status_code == 502 and response.get_json()["error"]["type"] == "provider_error", reply
        assert (proxy.record.outcome, proxy.record.cost_nano_usd) == ("failed", 0)
        health.forget()
        response = proxy.post(MESSAGES, MESSAGE)
        assert response.status_code == 502 and response.get_json()["type"] == "error", reply
        assert response.get_json()["error"]["type"] == "api_error"


def test_an_error_that_calls_itself_a_success_costs_nothing(proxy: Proxy) -> None:
    proxy.upstream.script("gpt-x", json_reply({"error": {"message": "Overloaded", "code": 502}}))
    response = proxy.post(CHAT, BODY)
    assert (response.status_code, response.get_json()["error"]["message"]) == (200, "Overloaded")
    assert (proxy.record.outcome, proxy.record.cost_nano_usd) == ("failed", 0)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_credential_is_retired_and_the_next_one_tried(proxy: Proxy, status: int) -> None:
    proxy.upstream.script("gpt-x", error_reply(status), openai_completion("Hi"), error_reply(status))
    assert proxy.post(CHAT, BODY).status_code == 200
    secrets = [request.headers["authorization"] for request in proxy.upstream.requests]
    assert secrets == ["Bearer sk-upstream-secret-0001", "Bearer sk-upstream-secret-0002"]
    response = proxy.post(CHAT, BODY)
    assert response.status_code == 503
    assert response.get_json()["error"]["message"].startswith("No active API keys")
    assert len(proxy.upstream.requests) == 3, "the retired one is not tried again"
    rows = credentials.list_all(SYSTEM, proxy.tenant.workspace.id, proxy.openai_id)
    assert [row.active for row in rows] == [False, False] and all(row.refused_at for row in rows)
    assert proxy.post(CHAT, BODY).status_code == 503 and len(proxy.upstream.requests) == 3


def test_a_provider_that_is_off_says_so(proxy: Proxy) -> None:
    providers.set_active(SYSTEM, proxy.tenant.workspace.id, proxy.openai_id, False)
    response = proxy.post(CHAT, BODY)
    assert response.status_code == 503
    assert response.get_json()["error"]["message"] == "Provider 'openai' is disabled in this gateway."
    assert proxy.post(MESSAGES, MESSAGE).status_code == 200 and len(proxy.upstream.requests) == 1


def test_only_known_providers_and_their_own_paths(proxy: Proxy) -> None:
    for path in ("nobody/chat/completions", "chat/completions", "openai/messages", "anthropic/responses"):
        response = proxy.post(f"/v1/{path}", BODY)
        assert response.status_code == 404 and "error" in response.get_json(), path
    assert proxy.upstream.requests == []


def test_a_typo_is_told_in_the_dialect(proxy: Proxy) -> None:
    for path in ("openai/chat/completionz", "openai/files", "openai", "x"):
        response = proxy.post(f"/v1/{path}", BODY)
        assert response.status_code == 404, path
        assert response.get_json()["error"]["type"] == "invalid_request_error", path
    response = proxy.post("/v1/anthropic/message", BODY)
    assert response.status_code == 404 and response.get_json()["error"]["type"] == "not_found_error"
    assert proxy.get(CHAT).status_code == 405


def test_its_receipt_names_the_route(
    proxy: Proxy, world: World, sign_in: Callable[[User], FlaskClient]
) -> None:
    proxy.post(CHAT, BODY)
    page = sign_in(world.viewer).get(f"/w/acme/requests/{proxy.record.id}").text
    assert "/v1/openai/chat/completions" in page and "openai/gpt-x" in page
    assert "chatcmpl-1" in page, "the provider's own id of it"


def test_another_tenants_provider_is_not_there(proxy: Proxy, world: World) -> None:
    fields = {"surfaces": ["proxy"]}
    projects.update(SYSTEM, world.other.workspace.id, world.other.project.id, fields)
    response = proxy.client.post(CHAT, json=BODY, headers=world.other.headers)
    assert response.status_code == 404 and proxy.upstream.requests == []


def test_a_project_without_the_proxy_is_told(client: FlaskClient, world: World) -> None:
    response = client.post("/v1/demo/chat/completions", json=BODY, headers=world.acme.headers)
    assert response.status_code == 400 and "'proxy'" in response.get_json()["error"]["message"]
    assert client.post("/v1/demo/chat/completions", data=b"{", headers={}).status_code == 401


IMPOSSIBLE = [
    (b'{"model":"a","model":"b"}', "twice"),
    (b"[]", "object"),
    (b'{"messages":[]}', "model"),
    (b'{"model":7}', "model"),
    (b'{"model":"gpt-x","input":"x","background":true}', "background"),
    (b'{"model":"gpt-x","input":"x","conversation":"conv_1"}', "conversation"),
    (b'{"model":"gpt-x","input":[{"type":"item_reference","id":"msg_1"}]}', "item_reference"),
    (b'{"model":"gpt-x","input":[{"content":[{"type":"input_file","file_id":"file-1"}]}]}', "file_id"),
    (b'{"model":"gpt-x","input":"x","previous_response_id":"resp_foreign"}', "previous_response_id"),
]


def test_what_cannot_be_passed_on_is_refused(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_ids, "PAUSE_SECONDS", 0)
    for body, text in IMPOSSIBLE:
        response = proxy.post("/v1/openai/responses", body)
        assert response.status_code == 400, body
        assert text in response.get_json()["error"]["message"], body
    assert proxy.upstream.requests == []


def test_the_clients_own_words_are_no_foreign_ids(proxy: Proxy) -> None:
    schema = {"type": "object", "properties": {"file_id": {"type": "string"}}}
    used = {"type": "tool_use", "id": "t1", "name": "open", "input": {"file_id": "report-7"}}
    body = MESSAGE | {
        "tools": [{"name": "open", "input_schema": schema}],
        "metadata": {"user_id": "u-7", "file_id": "x"},
        "messages": [*MESSAGE["messages"], {"role": "assistant", "content": [used]}],
    }
    assert proxy.post(MESSAGES, body).status_code == 200
    assert proxy.record.end_user == "u-7"


def test_an_answer_continues_in_its_own_project_alone(
    proxy: Proxy, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_ids, "PAUSE_SECONDS", 0)
    proxy.upstream.script("gpt-x", response_reply())
    follow_up = RESPONSE | {"previous_response_id": "resp_1"}
    assert proxy.post("/v1/openai/responses", follow_up).status_code == 400
    assert proxy.post("/v1/openai/responses", RESPONSE).status_code == 200
    assert proxy.post("/v1/openai/responses", follow_up).status_code == 200
    forget_everything()
    assert proxy.post("/v1/openai/responses", follow_up).status_code == 200, "the records know it"
    made = make_proxy(world.other, proxy.upstream, proxy.client)
    assert made.post("/v1/openai/responses", follow_up).status_code == 400


def test_models_are_listed_for_nothing(proxy: Proxy) -> None:
    response = proxy.get("/v1/openai/models?limit=5&secret=x")
    assert response.status_code == 200 and response.get_json()["data"][0]["id"] == "up-model"
    assert proxy.upstream.requests[-1].path == "/v1/models?limit=5"
    assert proxy.get("/v1/anthropic/v1/models").status_code == 200
    assert proxy.upstream.requests[-1].path == "/v1/models"
    proxy.get("/v1/openai/models/meta-llama/Llama-3.1")
    assert proxy.upstream.requests[-1].path == "/v1/models/meta-llama/Llama-3.1"
    assert proxy.get("/v1/openai/models/..%2Fchat").status_code == 404
    assert {record.operation for record in records()} == {"models"}
    assert all(record.cost_nano_usd == 0 for record in records())


def test_counting_tokens_costs_nothing(proxy: Proxy) -> None:
    proxy.upstream.script("claude-x", json_reply({"input_tokens": 12}))
    response = proxy.post("/v1/anthropic/v1/messages/count_tokens?beta=true", MESSAGE)
    assert response.get_json() == {"input_tokens": 12}
    assert proxy.upstream.requests[-1].path == "/v1/messages/count_tokens?beta=true"
    assert (proxy.record.operation, proxy.record.cost_nano_usd) == ("count_tokens", 0)


def test_a_newcomer_can_try_it_without_any_provider_key(client: FlaskClient, world: World) -> None:
    fields = {"surfaces": ["proxy"]}
    projects.update(SYSTEM, world.acme.workspace.id, world.acme.project.id, fields)
    body = BODY | {"model": "demo-fast", "max_tokens": 5}
    whole = client.post("/v1/demo/chat/completions", json=body, headers=world.acme.headers)
    assert whole.get_json()["choices"][0]["message"]["content"].startswith("This is")
    streamed = client.post(
        "/v1/demo/chat/completions", json=body | {"stream": True}, headers=world.acme.headers
    )
    assert streamed.data.endswith(b"data: [DONE]\n\n") and b'"usage"' not in streamed.data
    listed = client.get("/v1/demo/models", headers=world.acme.headers).get_json()["data"]
    assert [entry["id"] for entry in listed] == ["demo-fast", "demo-careful"]
    unknown = client.post(
        "/v1/demo/chat/completions", json=BODY | {"model": "demo-9"}, headers=world.acme.headers
    )
    assert unknown.status_code == 404 and "no such model" in unknown.get_json()["error"]["message"]
    assert [record.estimated for record in records()][:2] == [False, False]
