"""The API of alerts, alert rules and webhooks: what a key may see and change, in its own project alone."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.services import alert_api, alert_rules, alert_watch, keys, sub_accounts, webhooks
from tests.usage_world import row, write
from tests.world import Tenant, World

RULE = {"name": "Dear day", "metric": "spend", "bound": "2.00", "where": {"plan": "pro"}}
HOOK = {"name": "Pager", "url": "https://hooks.example.com/x", "events": ["alert.created"]}


class Api:
    """The API as the holder of one key meets it."""

    def __init__(self, client: FlaskClient, tenant: Tenant, *scopes: str, **fields: Any) -> None:
        given = {"name": "-".join(scopes), "scopes": list(scopes), **fields}
        made = keys.create(SYSTEM, tenant.workspace.id, tenant.project.id, given)
        self.client, self.headers = client, {"Authorization": f"Bearer {made.secret}"}

    def __call__(self, method: str, path: str, body: Any = None, status: int = 200) -> dict[str, Any]:
        response = self.client.open(f"/api/v1/{path}", method=method, json=body, headers=self.headers)
        assert response.status_code == status, response.text
        return dict(response.get_json())


@pytest.fixture
def api(world: World, client: FlaskClient) -> Api:
    return Api(client, world.acme, "alerts:write")


def test_a_rule_is_made_changed_listed_and_deleted_in_the_keys_project(world, api):
    made = api("POST", "alert-rules", RULE, 201)
    assert made["where"] == {"project": world.acme.project.id, "plan": "pro"}
    assert (made["object"], made["names"]["project"], made["gone"]) == ("alert_rule", "Support", [])
    path = f"alert-rules/{made['id']}"
    assert api("PATCH", path, {"bound": "3"})["bound"] == "3.00"
    anomaly = api("PATCH", path, {"metric": "error_rate", "kind": "anomaly"})
    assert (anomaly["kind"], "bound" in anomaly) == ("anomaly", False)
    assert [one["id"] for one in api("GET", "alert-rules")["data"]] == [made["id"]]
    assert api("DELETE", path) == {"id": made["id"], "object": "alert_rule", "deleted": True}
    assert api("GET", path, status=404)["error"]["code"] == "not_found"


def test_what_is_wrong_is_said_in_the_shape_of_openai(world, api):
    error = api("POST", "alert-rules", {**RULE, "metric": "mood"}, 422)["error"]
    assert (error["param"], error["type"]) == ("metric", "invalid_request_error")
    assert api("POST", "alert-rules", {**RULE, "where": {"key": "x"}}, 422)["error"]["param"] == "where"
    foreign = {**RULE, "where": {"project": world.other.project.id}}
    assert api("POST", "alert-rules", foreign, 422)["error"]["param"] == "where"
    assert api("GET", "alerts?limit=0", status=400)["error"]["param"] == "limit"
    assert api("POST", "webhooks", {**HOOK, "url": "http://127.0.0.1/"}, 422)["error"]["param"] == "url"
    assert (
        "job.completed"
        in api("POST", "webhooks", {**HOOK, "events": ["job.completed"]}, 422)["error"]["message"]
    )


def test_the_secret_of_a_webhook_is_shown_once_and_anew(api):
    made = api("POST", "webhooks", HOOK, 201)
    assert made["secret"].startswith("whsec_")
    path = f"webhooks/{made['id']}"
    assert "secret" not in api("GET", path)
    assert api("POST", f"{path}/rotate")["secret"] != made["secret"]
    assert api("PATCH", path, {"events": []})["events"] == []
    first = api("POST", f"{path}/test", status=202)
    again = api("POST", f"{path}/deliveries/{first['id']}/resend", status=202)
    assert first["event_id"] == again["event_id"]
    listed = api("GET", f"{path}/deliveries?limit=1")
    assert ([one["id"] for one in listed["data"]], listed["has_more"]) == ([again["id"]], True)
    rest = api("GET", f"{path}/deliveries?cursor={listed['next_cursor']}")
    assert ([one["id"] for one in rest["data"]], rest["has_more"]) == ([first["id"]], False)
    assert api("DELETE", path)["deleted"] is True


def test_a_key_sees_the_alerts_rules_and_webhooks_of_its_project_alone(world, client, api):
    place = world.acme.workspace.id
    mine = api("POST", "alert-rules", {**RULE, "where": {}}, 201)
    whole = alert_rules.create(SYSTEM, place, {**RULE, "name": "Everything", "where": {}})
    hook = webhooks.create(SYSTEM, place, HOOK).webhook
    write(row(world.acme, cost_nano_usd=3 * 10**9))
    alert_watch.check_all()
    assert [one["data"]["rule_id"] for one in api("GET", "alerts")["data"]] == [mine["id"]]
    assert [one["id"] for one in api("GET", "alert-rules")["data"]] == [mine["id"]]
    api("GET", f"alert-rules/{whole.row.id}", status=404)
    api("GET", f"webhooks/{hook.id}", status=404)
    other = Api(client, world.other, "alerts:write")
    other("GET", f"alert-rules/{mine['id']}", status=404)
    other("DELETE", f"alert-rules/{mine['id']}", status=404)


def test_to_look_it_takes_analytics_to_change_alerts(world, client):
    reader, caller = Api(client, world.acme, "analytics:read"), Api(client, world.acme, "chat")
    assert reader("GET", "alert-rules")["data"] == []
    assert "'alerts:write'" in reader("POST", "alert-rules", RULE, 403)["error"]["message"]
    assert "'alerts:write'" in reader("GET", "webhooks", status=403)["error"]["message"]
    assert "'analytics:read'" in caller("GET", "alerts", status=403)["error"]["message"]
    north = sub_accounts.create(SYSTEM, world.acme.workspace.id, {"name": "North"})
    norths = Api(client, world.acme, "alerts:write", account_id=north.id)
    assert "sub-account" in norths("GET", "alert-rules", status=403)["error"]["message"]


def test_a_key_asks_so_often_a_minute(api, monkeypatch):
    monkeypatch.setattr(alert_api, "REQUESTS_PER_MINUTE", 2)
    assert [api("GET", "webhooks")["object"] for _ in range(2)] == ["list", "list"]
    error = api("GET", "webhooks", status=429)["error"]
    assert error["message"].startswith("Rate limit exceeded. The alerts API allows 2 requests")
