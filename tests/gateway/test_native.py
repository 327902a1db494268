"""The native surface answers as its seed says: field by field, error by error (P1-P9, P13, P14)."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.models import User
from app.services import endpoints, keys, projects
from tests.world import World


def events(text: str) -> list[str]:
    """Return the data of each event of a stream."""
    return [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]


def test_a_message_is_answered_field_by_field(client: FlaskClient, world: World) -> None:
    response = client.post(world.acme.url, json={"message": "Hi there"}, headers=world.acme.headers)
    body = response.get_json()
    assert response.status_code == 200
    assert set(body) == {"ok", "id", "model", "content", "finish_reason", "usage", "meta"}
    assert body["ok"] is True and body["model"] == "demo-fast" and body["finish_reason"] == "stop"
    assert set(body["usage"]) == {"prompt_tokens", "completion_tokens", "total_tokens"}
    assert (
        body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
    )
    assert body["meta"] == {"request_id": response.headers["X-Sluice-Request-Id"]}


def test_messages_are_answered_too(client: FlaskClient, world: World) -> None:
    messages = [{"role": "system", "content": "You teach."}, {"role": "user", "content": "What is a qubit?"}]
    response = client.post(world.acme.url, json={"messages": messages}, headers=world.acme.headers)
    assert response.status_code == 200
    assert "What is a qubit?" in response.get_json()["content"]


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "application/json", "text/plain"]
)
def test_the_dispatcher_answers_alike_whatever_the_content_type(
    client: FlaskClient, world: World, content_type: str
) -> None:
    url = f"/api/{world.acme.project.id}/chat/completions"
    body = '{"endpoint": "hello", "messages": [{"role":"user","content":"Long text..."}]}'
    response = client.post(url, data=body, headers={**world.acme.headers, "Content-Type": content_type})
    assert response.status_code == 200
    assert set(response.get_json()) == {"ok", "id", "model", "content", "finish_reason", "usage", "meta"}


def test_a_stream_ends_with_usage_and_done(client: FlaskClient, world: World) -> None:
    body = {"message": "Hi there", "stream": True}
    response = client.post(world.acme.url, json=body, headers=world.acme.headers)
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["Cache-Control"].startswith("no-cache")
    assert response.headers["X-Accel-Buffering"] == "no"
    *chunks, done = events(response.text)
    parsed = [json.loads(chunk) for chunk in chunks]
    assert done == "[DONE]"
    assert all(chunk["choices"] for chunk in parsed), "the samples read choices[0] of every chunk (O1)"
    assert parsed[0]["choices"][0]["delta"]["role"] == "assistant"
    assert parsed[-1]["usage"]["total_tokens"] > 0
    assert parsed[-1]["choices"][0]["finish_reason"] == "stop"
    assert not any("usage" in chunk for chunk in parsed[:-1])


def test_a_stream_is_not_given_where_it_is_off(client: FlaskClient, world: World) -> None:
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, {"streaming_enabled": False})
    body = {"message": "Hi", "stream": True}
    response = client.post(world.acme.url, json=body, headers=world.acme.headers)
    assert response.status_code == 200 and response.get_json()["ok"] is True


@pytest.mark.parametrize(
    ("headers", "status", "text"),
    [
        ({}, 401, "Missing Bearer token."),
        ({"Authorization": "Basic abc"}, 401, "Missing Bearer token."),
        ({"Authorization": "Bearer short"}, 401, "Invalid token format."),
        ({"Authorization": "Bearer sk-sluice-unknown-unknown-unknown"}, 401, "Invalid or revoked token."),
    ],
)
def test_no_answer_without_a_good_key(
    client: FlaskClient, world: World, headers: dict[str, str], status: int, text: str
) -> None:
    response = client.post(world.acme.url, json={"message": "Hi"}, headers=headers)
    assert (response.status_code, response.get_json()) == (status, {"ok": False, "error": text})


@pytest.mark.parametrize("project", ["other", "absent"])
def test_a_key_of_another_project_is_refused(client: FlaskClient, world: World, project: str) -> None:
    uuid = world.other.project.id if project == "other" else "00000000-0000-4000-8000-000000000000"
    response = client.post(f"/api/{uuid}/hello", json={"message": "Hi"}, headers=world.acme.headers)
    assert response.status_code == 403
    assert response.get_json() == {"ok": False, "error": "Token does not belong to this project."}


def test_a_missing_scope_is_named(client: FlaskClient, world: World) -> None:
    made = keys.create(
        SYSTEM, world.acme.workspace.id, world.acme.project.id, {"name": "m", "scopes": ["models"]}
    )
    headers = {"Authorization": f"Bearer {made.secret}"}
    response = client.post(world.acme.url, json={"message": "Hi"}, headers=headers)
    assert response.status_code == 403
    assert response.get_json()["error"] == "Missing required scope: 'chat'. Token has: models."


def test_a_revoked_key_is_refused_at_once(client: FlaskClient, world: World) -> None:
    assert client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers).status_code == 200
    keys.revoke(SYSTEM, world.acme.workspace.id, world.acme.key.id)
    response = client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers)
    assert (response.status_code, response.get_json()["error"]) == (401, "Invalid or revoked token.")


@pytest.mark.parametrize("way", ["unknown", "inactive"])
def test_an_unknown_and_an_inactive_endpoint_look_the_same(
    client: FlaskClient, world: World, way: str
) -> None:
    if way == "inactive":
        endpoints.set_active(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, False)
    url = world.acme.url if way == "inactive" else f"{world.acme.url}-nope"
    response = client.post(url, json={"message": "Hi"}, headers=world.acme.headers)
    assert (response.status_code, response.get_json()) == (404, {"ok": False, "error": "Endpoint not found."})


def test_a_project_without_this_surface_says_so(client: FlaskClient, world: World) -> None:
    projects.update(SYSTEM, world.acme.workspace.id, world.acme.project.id, {"surfaces": ["proxy"]})
    response = client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers)
    assert response.status_code == 400
    assert "'proxy'" in response.get_json()["error"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"not json", 400),
        (b"[1]", 400),
        (b'{"message": "a", "message": "b"}', 400),
        (b'{"message": NaN}', 400),
        (b'{"message": "\\ud800"}', 400),
        (b'{"a":' * 200 + b"1" + b"}" * 200, 400),
        (b"\xff\xfe{}", 415),
        (b"{}", 422),
        (b'{"message": "a", "messages": []}', 422),
        (b'{"message": 5}', 422),
        (b'{"messages": []}', 422),
        (b'{"messages": [{"role": "robot", "content": "x"}]}', 422),
        (b'{"message": "a", "session_id": "0e2f0000-0000-4000-8000-0000000000c4"}', 422),
    ],
)
def test_a_body_that_cannot_be_used_is_refused(
    client: FlaskClient, world: World, body: bytes, status: int
) -> None:
    response = client.post(world.acme.url, data=body, headers=world.acme.headers)
    assert response.status_code == status
    assert response.get_json()["ok"] is False and response.get_json()["error"]


def test_the_key_is_checked_before_the_body(client: FlaskClient, world: World) -> None:
    assert client.post(world.acme.url, data=b"not json").status_code == 401


def test_lookups_tell_a_key_about_its_project(client: FlaskClient, world: World) -> None:
    base = f"/api/{world.acme.project.id}"
    info = client.get(f"{base}/info", headers=world.acme.headers).get_json()
    assert info["project"]["uuid"] == world.acme.project.id
    listed = client.get(f"{base}/endpoints", headers=world.acme.headers).get_json()
    assert [endpoint["slug"] for endpoint in listed["endpoints"]] == ["hello"]
    models = client.get(f"{base}/models", headers=world.acme.headers).get_json()
    assert models == {"ok": True, "models": ["demo/demo-fast"]}
    for path in ("info", "endpoints", "models"):
        assert client.get(f"{base}/{path}").status_code == 401
        assert client.get(f"{base}/{path}", headers=world.other.headers).status_code == 403


def test_request_ids_are_ours_and_the_clients_is_echoed(client: FlaskClient, world: World) -> None:
    headers = {**world.acme.headers, "X-Request-Id": "mine-1"}
    response = client.post(world.acme.url, json={"message": "Hi"}, headers=headers)
    assert response.headers["X-Request-Id"] == "mine-1"
    assert response.headers["X-Sluice-Request-Id"] == response.get_json()["meta"]["request_id"]


def test_the_openai_shape_reaches_an_endpoint(client: FlaskClient, world: World) -> None:
    url = f"/api/{world.acme.project.id}/v1/chat/completions"
    body = {"model": "hello", "messages": [{"role": "user", "content": "Hi"}]}
    answer = client.post(url, json=body, headers=world.acme.headers).get_json()
    assert answer["object"] == "chat.completion" and answer["choices"][0]["message"]["content"]
    refused = client.post(url, json={**body, "model": "nope"}, headers=world.acme.headers)
    assert refused.status_code == 404 and refused.get_json()["error"]["message"] == "Endpoint not found."


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(client: FlaskClient, world: World, chunked: bool) -> None:
    body = b'{"message": "' + b"x" * (11 * 1024 * 1024) + b'"}'
    environ = {"wsgi.input_terminated": True} if chunked else {}
    response = client.post(
        world.acme.url,
        input_stream=io.BytesIO(body),
        content_length=None if chunked else len(body),
        headers=world.acme.headers,
        environ_overrides=environ,
    )
    assert response.status_code == 413
    assert response.get_json() == {"ok": False, "error": "The request body is too large."}


def test_a_compressed_body_is_refused(client: FlaskClient, world: World) -> None:
    headers = {**world.acme.headers, "Content-Encoding": "gzip"}
    assert client.post(world.acme.url, data=b"x", headers=headers).status_code == 415


def test_the_gateway_knows_no_cookies(
    client: FlaskClient, world: World, sign_in: Callable[[User], FlaskClient]
) -> None:
    response = client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers)
    assert "Set-Cookie" not in response.headers and "Vary" not in response.headers
    assert sign_in(world.owner).post(world.acme.url, json={"message": "Hi"}).status_code == 401
