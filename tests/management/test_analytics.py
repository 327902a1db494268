"""The analytics API: its sums are those of the records, for whom the key may see, page by page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.analytics import BY
from app.domain.pricing import usd_to_nano
from app.models import ReportedHour
from app.services import keys, policies, projects, rollouts, sub_accounts, usage_hours
from tests.providers_world import records
from tests.usage_world import row, write
from tests.world import Tenant, World

NOW = datetime.now(UTC)


class Api:
    """The analytics as the holder of one key meets them."""

    def __init__(self, client: FlaskClient, tenant: Tenant, **fields: Any) -> None:
        given = {"name": "reports", "scopes": ["analytics:read"], **fields}
        made = keys.create(SYSTEM, tenant.workspace.id, fields.pop("project", tenant.project.id), given)
        self.client, self.secret = client, made.secret

    def ask(self, metric: str = "spend", **args: Any) -> dict[str, Any]:
        response = self.client.get(
            f"/api/v1/analytics/{metric}",
            query_string=args,
            headers={"Authorization": f"Bearer {self.secret}"},
        )
        return {"status": response.status_code, **response.get_json()}


@pytest.fixture
def api(world: World, client: FlaskClient) -> Api:
    return Api(client, world.acme)


def nano(told: dict[str, Any], source: str, name: str = "spend_usd") -> int:
    """The exact sum of a column over the rows of a source."""
    return sum(usd_to_nano(line[name]) for line in told["data"] if line["source"] == source)


def fill(world: World) -> None:
    """Calls of all kinds in two days, and two that a client reported."""
    acme = world.acme
    write(
        row(acme, NOW, end_user="ann", policy_key="support", plan="pro", region="eu", savings_nano_usd=5),
        row(acme, NOW, end_user="bob", cost_nano_usd=10**12 + 1, model_answered="large"),
        row(acme, NOW - timedelta(days=1), cost_nano_usd=None, outcome="failed", key_id=None),
        row(acme, NOW - timedelta(days=1), error_code="policy_blocked", outcome="refused", endpoint_id=None),
        row(acme, NOW, source="shadow", cost_nano_usd=0, end_user="shade"),
        row(world.other, NOW, cost_nano_usd=10**15),
    )
    told = [row(acme, NOW, source="reported", end_user="ann", cost_nano_usd=33) for _ in range(2)]
    database.transaction(lambda session: usage_hours.add(session, told, ReportedHour))


def test_rows_and_totals_are_the_sum_of_the_records(world: World, api: Api) -> None:
    fill(world)
    mine = [r for r in records() if r.workspace_id == world.acme.workspace.id and r.source != "shadow"]
    whole = sum(r.cost_nano_usd or 0 for r in mine)
    for by in BY:
        told = api.ask("spend", by=by)
        assert told["status"] == 200 and told["has_more"] is False, by
        assert nano(told, "metered") == whole == usd_to_nano(told["totals"]["metered"]["spend_usd"]), by
        assert nano(told, "reported") == 66 == usd_to_nano(told["totals"]["reported"]["spend_usd"]), by
        assert sum(line["calls"] for line in told["data"] if line["source"] == "metered") == len(mine) == 4
        saved = api.ask("savings", by=by)
        assert nano(saved, "metered", "savings_usd") == 5, by
        assert nano(saved, "metered", "baseline_usd") == whole + 5, by
    used = api.ask("usage")["totals"]["metered"]
    assert (used["calls"], used["errors"], used["blocked"], used["unpriced_calls"]) == (4, 1, 1, 1)


def test_rows_are_the_largest_first_named_and_filtered(world: World, api: Api) -> None:
    fill(world)
    people = api.ask(by="end_user", source="metered")["data"]
    assert [line["end_user"] for line in people] == ["bob", None, "ann"]
    (only,) = api.ask(by="endpoint", endpoint="hello", end_user="ann", source="metered")["data"]
    assert (only["endpoint"], only["name"], only["calls"]) == (world.acme.endpoint.id, "hello", 1)
    assert api.ask(policy="SUPPORT", plan="pro", region="eu")["totals"]["metered"]["calls"] == 1
    assert api.ask(key=world.acme.key.id)["totals"]["metered"]["calls"] == 3
    today = f"{NOW:%Y-%m-%d}"
    days = api.ask(by="day", to=today)["data"]
    assert [line["day"] for line in days] == sorted(line["day"] for line in days) and days[-1]["day"] == today


@pytest.mark.parametrize("by", ["end_user", "hour"])
def test_pages_hold_every_row_once(world: World, api: Api, by: str) -> None:
    write(
        *(row(world.acme, NOW - timedelta(hours=n), end_user=f"u{n}", cost_nano_usd=n // 2) for n in range(5))
    )
    whole, seen, cursor = api.ask(by=by)["data"], [], None
    for _ in range(3):
        told = api.ask(by=by, limit=2, **({"cursor": cursor} if cursor else {}))
        seen += told["data"]
        cursor = told["next_cursor"]
    assert seen == whole and len(seen) == 5 and cursor is None and told["has_more"] is False


def test_a_key_sees_its_own_project_and_sub_account_alone(world: World, client: FlaskClient) -> None:
    acme, place = world.acme, world.acme.workspace.id
    north = sub_accounts.create(SYSTEM, place, {"name": "North"})
    shop = projects.create(SYSTEM, place, {"name": "Shop"})
    write(row(acme), row(acme, account_id=north.id, cost_nano_usd=40), row(acme, project_id=shop.id))
    ours, norths = Api(client, acme), Api(client, acme, name="north", account_id=north.id)
    assert ours.ask()["totals"]["metered"]["spend_usd"] == "0.000000047"
    assert norths.ask()["totals"]["metered"]["spend_usd"] == "0.00000004"
    assert Api(client, world.other).ask()["totals"]["metered"]["calls"] == 0
    asked = ours.ask(project=shop.id)
    assert (asked["status"], asked["error"]["code"]) == (403, "forbidden")


def test_what_is_wrong_is_said_in_the_shape_of_openai(world: World, client: FlaskClient, api: Api) -> None:
    told = api.ask(by="colour")
    assert told["status"] == 400 and told["error"]["param"] == "by"
    assert told["error"]["type"] == "invalid_request_error" and "end_user" in told["error"]["message"]
    for name in ("endpoint", "key"):
        assert (api.ask(**{name: "nope"})["status"], api.ask(**{name: "nope"})["error"]["param"]) == (
            400,
            name,
        )
    plain = Api(client, world.acme, name="plain", scopes=["chat"]).ask()
    assert plain["status"] == 403 and "'analytics:read'" in plain["error"]["message"]


def test_a_key_hands_the_scope_on_only_where_it_has_it(world: World, client: FlaskClient) -> None:
    for scopes, status in ((["tokens:write"], 403), (["tokens:write", "analytics:read"], 201)):
        maker = Api(client, world.acme, name=str(status), scopes=scopes)
        headers = {"Authorization": f"Bearer {maker.secret}"}
        body = {"name": "child", "scopes": ["analytics:read"]}
        assert client.post("/api/auth", json=body, headers=headers).status_code == status


def test_an_end_user_is_erased_with_the_scope_for_it(world: World, client: FlaskClient) -> None:
    write(row(world.acme, end_user="a/nn"), row(world.other, end_user="a/nn"))
    plain, admin = (Api(client, world.acme, name=s, scopes=[s]) for s in ("analytics:read", "admin"))
    for secret, status, requests in (
        (plain.secret, 403, None),
        (admin.secret, 200, 1),
        (admin.secret, 200, 0),
    ):
        headers = {"Authorization": f"Bearer {secret}"}
        response = client.delete("/api/v1/end-users/a/nn", headers=headers)
        assert (response.status_code, response.get_json().get("requests")) == (status, requests)
    assert sorted(str(r.end_user) for r in records()) == ["(erased)", "a/nn"]
    assert plain.ask(by="end_user", source="metered")["data"][0]["end_user"] == "(erased)"


def test_the_arms_of_a_rollout_stand_side_by_side(world: World, client: FlaskClient, api: Api) -> None:
    place, acme = world.acme.workspace.id, world.acme
    made = policies.create(SYSTEM, place, acme.project.id, {"key": "support", "rules": []})
    rule = [{"label": "Nobody", "action": "BLOCK", "message": "Closed."}]
    policies.save(SYSTEM, place, made.policy.id, {"rules": rule}, live=False)
    assert api.ask("arms", policy="support")["status"] == 404
    rollout = rollouts.start(SYSTEM, place, "policy", made.policy.id, 2, {"state": "CANARY", "share": 50})
    arms = ({"rollout_id": rollout.id, "arm": name} for name in ("old", "old", "new"))
    write(*(row(acme, NOW, **arm, cost_nano_usd=n, policy_key="support") for n, arm in enumerate(arms, 5)))
    told = api.ask("arms", policy="SUPPORT")
    assert (told["state"], told["share_percent"], told["outcome"]) == ("CANARY", 50.0, None)
    assert [(a["arm"], a["version"], a["calls"], a["spend_usd"]) for a in told["arms"]] == [
        ("old", 1, 2, "0.000000011"),
        ("new", 2, 1, "0.000000007"),
        ("shadow", 2, 0, "0.00"),
    ]
    errors = told["comparisons"][0]
    assert (errors["metric"], errors["unit"], errors["verdict"]) == ("errors", "share", "too_few")
    assert errors["old"]["calls"] == 2 and errors["old"]["low"] == 0 < errors["old"]["high"] <= 1
    assert api.ask("arms", rollout=rollout.id)["id"] == rollout.id
    assert Api(client, world.other).ask("arms", rollout=rollout.id)["status"] == 404
    for wrong in ({}, {"policy": "a", "endpoint": "b"}, {"by": "day"}):
        asked = api.ask("arms", **wrong)
        assert asked["status"] == 400 and "policy=" in asked["error"]["message"]
    north = sub_accounts.create(SYSTEM, place, {"name": "North"})
    assert Api(client, acme, name="n", account_id=north.id).ask("arms", policy="support")["status"] == 403
