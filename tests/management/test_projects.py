"""The management API of a project: off by default, and a key never gets beyond its rights and project."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.database import database
from app.domain.actors import SYSTEM
from app.models import AuditEvent, EndpointVersion
from app.services import endpoints, keys, projects, publishing
from tests.world import Tenant, World

MANAGER = ["chat", "models", "tokens:write", "endpoints:write", "admin"]


class Api:
    """A project's management API as the holder of one key meets it."""

    def __init__(self, client: FlaskClient, tenant: Tenant, **fields: Any) -> None:
        given = {"name": "manager", "scopes": MANAGER, **fields}
        self.made = keys.create(SYSTEM, tenant.workspace.id, tenant.project.id, given)
        self.client, self.tenant, self.secret = client, tenant, self.made.secret

    def ask(self, method: str, path: str, body: Any = None, secret: str = "") -> TestResponse:
        headers = {"Authorization": f"Bearer {secret or self.secret}"}
        url = f"/api/{self.tenant.project.id}/{path}"
        return self.client.open(url, method=method, json=body, headers=headers)

    def endpoint(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        response = self.ask(method, f"admin/endpoints{path}", body)
        assert response.status_code in (200, 201), response.text
        return dict(response.get_json()["endpoint"])

    def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        response = self.ask(method, path, body)
        assert response.get_json()["ok"] is False
        return response.status_code, response.get_json()["error"]


@pytest.fixture
def allowed(world: World) -> Tenant:
    projects.update(SYSTEM, world.acme.workspace.id, world.acme.project.id, {"management_api": True})
    return world.acme


@pytest.fixture
def api(client: FlaskClient, allowed: Tenant) -> Api:
    return Api(client, allowed)


def test_it_is_off_until_the_project_switches_it_on(client: FlaskClient, world: World) -> None:
    api = Api(client, world.acme)
    status, text = api.refused("GET", "admin/endpoints")
    assert status == 403 and "settings" in text and "Support" in text


def test_each_route_wants_its_scope(client: FlaskClient, allowed: Tenant) -> None:
    api = Api(client, allowed, scopes=["chat"])
    for method, path, scope in (
        ("GET", "tokens", "admin"),
        ("POST", "admin/tokens", "tokens:write"),
        ("POST", "admin/endpoints", "endpoints:write"),
        ("DELETE", f"admin/tokens/{allowed.key.id}", "tokens:write"),
    ):
        text = f"Missing required scope: '{scope}'. Token has: chat."
        assert api.refused(method, path, {}) == (403, text)


def test_an_endpoint_is_made_replaced_changed_and_switched(api: Api) -> None:
    fields = {
        "slug": "made",
        "name": "Made",
        "model": "demo/demo-fast",
        "prompt": "Be kind.",
        "note": "first",
    }
    assert api.ask("POST", "admin/endpoints", fields).status_code == 201
    changed = api.endpoint("PATCH", "/made", {"temperature": 0.5})
    assert (changed["version"], changed["prompt"], changed["temperature"]) == (2, "Be kind.", 0.5)
    replaced = api.endpoint("PUT", "/made", {"model": "demo/demo-fast", "description": "Short"})
    assert (replaced["version"], replaced["prompt"], replaced["name"]) == (3, "", "Made")
    assert api.endpoint("PATCH", "/made", {})["version"] == 3
    assert api.endpoint("PATCH", "/made", {"form_shared": True})["form_shared"] is True
    assert api.endpoint("POST", "/made/deactivate")["active"] is False
    assert api.ask("POST", "made", {"message": "Hi"}).status_code == 404
    assert api.endpoint("POST", "/made/activate")["active"] is True
    assert api.ask("POST", "made", {"message": "Hi"}).status_code == 200
    listed = api.ask("GET", "admin/endpoints").get_json()["endpoints"]
    assert [each["slug"] for each in listed] == ["hello", "made"]
    assert api.endpoint("GET", "/made")["description"] == "Short"


def test_versions_and_activity_name_the_key(api: Api) -> None:
    api.endpoint("PATCH", "/hello", {"prompt": "Be kind."})
    newest = rows(EndpointVersion, EndpointVersion.created_at)[-1]
    event = next(each for each in rows(AuditEvent, AuditEvent.id)[::-1] if each.action == "endpoint.change")
    assert "manager" in newest.author and newest.author == event.actor_label
    assert (event.actor_kind, event.actor_id) == ("key", api.made.key.id)


def rows(table: Any, *order: Any) -> list[Any]:
    return database.read(lambda session: list(session.scalars(select(table).order_by(*order))))


def test_what_is_wrong_is_told_field_by_field(api: Api) -> None:
    wrong = {"slug": "Bad Slug", "model": "x", "temperature": 9}
    response = api.ask("POST", "admin/endpoints", wrong)
    assert response.status_code == 422
    assert set(response.get_json()["errors"]) == {"slug", "model", "temperature"}
    assert api.refused("POST", "admin/endpoints", {"slug": "hello", "model": "demo/demo-fast"})[0] == 409
    assert api.refused("PATCH", "admin/endpoints/nowhere", {})[0] == 404
    assert api.refused("PATCH", "admin/endpoints/hello", {"active": "yes"})[0] == 422


def test_a_key_stays_in_its_project_and_among_its_endpoints(
    client: FlaskClient, world: World, api: Api
) -> None:
    projects.update(SYSTEM, world.other.workspace.id, world.other.project.id, {"management_api": True})
    url = f"/api/{world.other.project.id}/admin/endpoints"
    foreign = client.get(url, headers={"Authorization": f"Bearer {api.secret}"})
    assert foreign.get_json() == {"ok": False, "error": "Token does not belong to this project."}
    limited = Api(client, world.acme, name="limited", endpoints=["hello"])
    assert limited.refused("POST", "admin/endpoints", {"slug": "more", "model": "demo/demo-fast"})[0] == 403
    api.endpoint("POST", "", {"slug": "more", "model": "demo/demo-fast"})
    assert limited.refused("GET", "admin/endpoints/more")[0] == 404
    assert limited.refused("PATCH", "admin/endpoints/hello", {"slug": "more2"})[0] == 403
    assert [each["slug"] for each in limited.ask("GET", "endpoints").get_json()["endpoints"]] == ["hello"]


def test_a_locked_guardrail_is_not_a_keys_to_change(api: Api, allowed: Tenant) -> None:
    rule = {"keywords": {"words": ["secret"], "action": "block", "locked": True}}
    place = SYSTEM, allowed.workspace.id, allowed.endpoint.id
    endpoints.save(*place, {"guardrails": rule})
    for body in ({"guardrails": {}}, {"guardrails": {"keywords": {"words": ["other"], "action": "block"}}}):
        assert api.refused("PATCH", "admin/endpoints/hello", body)[0] == 403
    assert api.refused("PUT", "admin/endpoints/hello", {"model": "demo/demo-fast"})[0] == 403
    assert api.endpoint("PATCH", "/hello", {"prompt": "Be kind."})["guardrails"]["keywords"]["locked"] is True


def test_an_api_change_leaves_a_draft_of_somebody_else_alone(api: Api, allowed: Tenant) -> None:
    place = SYSTEM, allowed.workspace.id, allowed.endpoint.id
    endpoints.save(*place, {"prompt": "Half done"}, publish=False)
    assert api.endpoint("PATCH", "/hello", {"temperature": 0.5})["prompt"] == ""


def test_keys_are_made_rotated_and_revoked_within_the_makers_rights(api: Api) -> None:
    made = api.ask("POST", "admin/tokens", {"name": "child", "scopes": ["chat"], "labels": {"team": "a"}})
    assert made.status_code == 201 and made.headers["Cache-Control"] == "no-store"
    child = made.get_json()
    assert api.ask("POST", "hello", {"message": "Hi"}, child["key"]).status_code == 200
    rotated = api.ask("POST", f"admin/tokens/{child['id']}/rotate").get_json()
    assert api.ask("POST", "hello", {"message": "Hi"}, rotated["key"]).status_code == 200
    listed = api.ask("GET", "tokens").get_json()["tokens"]
    assert {each["name"] for each in listed} == {"ci", "manager", "child"}
    assert all("key" not in each and each["preview"] for each in listed)
    assert api.ask("DELETE", f"admin/tokens/{child['id']}").get_json()["deleted"] is True
    assert api.ask("POST", "hello", {"message": "Hi"}, rotated["key"]).status_code == 401


def test_a_key_hands_on_no_management_right_that_it_lacks(client: FlaskClient, allowed: Tenant) -> None:
    api = Api(client, allowed, scopes=["chat", "tokens:write"])
    for scope in ("admin", "endpoints:write"):
        status, text = api.refused("POST", "admin/tokens", {"name": "child", "scopes": ["chat", scope]})
        assert status == 403 and scope in text


def test_thirty_requests_a_minute_are_answered(api: Api) -> None:
    answers = [api.ask("GET", "admin/endpoints") for _ in range(31)]
    assert [each.status_code for each in answers] == [200] * 30 + [429]
    refused = answers[-1]
    body = refused.get_json()
    assert (body["error"], body["scope"]) == ("Rate limit exceeded.", "minute")
    assert int(refused.headers["Retry-After"]) == body["retry_after"] >= 1


def test_on_a_pinned_endpoint_a_change_becomes_a_draft(api: Api, allowed: Tenant) -> None:
    publishing.set_pinned(SYSTEM, allowed.workspace.id, allowed.endpoint.id, True)
    changed = api.endpoint("PATCH", "/hello", {"prompt": "Be kind."})
    assert (changed["version"], changed["has_draft"], changed["prompt"]) == (1, True, "")
