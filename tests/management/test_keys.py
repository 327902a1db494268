"""The key API: keys made, changed, rotated and revoked with a key, never beyond what it may itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.database import database
from app.domain.actors import SYSTEM
from app.models import Credential, Endpoint
from app.services import budgets, credentials, keys, projects
from app.services.sealing import sealer
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.money import make_prepaid
from tests.providers_world import add_endpoint, add_provider, set_price
from tests.upstream import Upstream
from tests.upstream_replies import error_reply, openai_completion
from tests.world import Tenant, World

ALL = ["chat", "models", "tokens:write"]
HI = {"model": "openai/up", "messages": [{"role": "user", "content": "Hi"}]}


class Api:
    """The key API as the holder of one secret meets it."""

    def __init__(self, client: FlaskClient, secret: str) -> None:
        self.client, self.secret = client, secret

    def ask(self, method: str, path: str = "", body: Any = None) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.secret}"}
        return self.client.open(f"/api/auth{path}", method=method, json=body, headers=headers)

    def make(self, **fields: Any) -> dict[str, Any]:
        response = self.ask("POST", body={"name": "child", **fields})
        assert response.status_code == 201, response.text
        return dict(response.get_json())

    def refused(self, method: str, path: str = "", body: Any = None) -> tuple[int, str]:
        response = self.ask(method, path, body)
        return response.status_code, response.get_json()["error"]["code"]

    def chat(self, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        own = {"Authorization": f"Bearer {self.secret}", **named}
        return self.client.post("/v1/chat/completions", json=HI, headers=own)


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    return make_proxy(world.acme, upstream, client)


@pytest.fixture
def api(world: World, client: FlaskClient) -> Api:
    return maker(world.acme, client)


def maker(tenant: Tenant, client: FlaskClient, name: str = "office", **fields: Any) -> Api:
    """Return the API as a key of its own meets it, which a person made."""
    given = {"name": name, "scopes": ALL, **fields}
    return Api(client, keys.create(SYSTEM, tenant.workspace.id, tenant.project.id, given).secret)


def test_a_key_is_made_listed_and_revoked(world: World, client: FlaskClient, api: Api) -> None:
    made = api.make(expires_in=7776000, labels={"team": "web"})
    assert made["scopes"] == ["chat", "models"] and made["created_by"] == "the key “office”"
    ends = datetime.fromisoformat(made["expires_at"])
    assert abs(ends - datetime.now(UTC) - timedelta(seconds=7776000)) < timedelta(minutes=1)
    child = {"Authorization": f"Bearer {made['key']}"}
    info = f"/api/{world.acme.project.id}/info"
    assert client.get(info, headers=child).get_json()["token"]["labels"] == {"team": "web"}
    listed = api.ask("GET").get_json()["data"]
    assert [row["name"] for row in listed] == ["child", "office", "ci"]
    assert made["key"] not in str(listed) and listed[1]["current"] is True
    assert api.ask("DELETE", f"/key_{made['id']}").get_json()["deleted"] is True
    assert client.get(info, headers=child).status_code == 401
    assert [row["name"] for row in api.ask("GET").get_json()["data"]] == ["office", "ci"]


def test_a_minted_key_never_exceeds_its_maker(world: World, client: FlaskClient) -> None:
    ends = datetime.now(UTC) + timedelta(days=1)
    rules = {"models": ["openai/*"], "min_quality": 40, "max_cost_usd_per_request": "0.5"}
    api = maker(
        world.acme, client, expires_at=ends, endpoints=["hello"], rules=rules, scopes=["chat", ALL[2]]
    )
    made = api.make(expires_in=10**8)
    assert datetime.fromisoformat(made["expires_at"]) <= ends
    assert (made["endpoints"], made["scopes"]) == (["hello"], ["chat"])
    assert (made["allowedModels"], made["maxCostPerRequestUsd"]) == (["openai/*"], 0.5)
    for more in (
        {"scopes": ["models"]},
        {"allowedModels": ["openai/gpt-*", "anthropic/*"]},
        {"allowedModels": []},
        {"minQualityThreshold": 0.3},
        {"maxCostPerRequestUsd": 0.6},
        {"maxCostPerRequestUsd": None},
    ):
        assert api.refused("POST", body={"name": "x", **more}) == (403, "scope_exceeded"), more
    less = api.make(name="less", allowedModels=["openai/gpt-*"], minQualityThreshold=0.9)
    assert less["minQualityThreshold"] == 0.9
    assert api.refused("PATCH", f"?keyId={less['id']}", {"allowedModels": None}) == (403, "scope_exceeded")
    mine = next(row["id"] for row in api.ask("GET").get_json()["data"] if row["current"])
    assert api.refused("PATCH", f"?keyId={mine}", {"minQualityThreshold": 0.1}) == (403, "scope_exceeded")
    assert api.ask("PATCH", f"?keyId={mine}", {"minQualityThreshold": 0.5}).status_code == 200


def test_what_limits_the_maker_limits_what_it_made(proxy: Proxy, client: FlaskClient) -> None:
    tenant = proxy.tenant
    api = maker(tenant, client, limits={"requests_per_minute": 2})
    children = [api.make(name=name, limits={"requests_per_minute": 9})["key"] for name in "ab"]

    def call(secret: str) -> int:
        return Api(client, secret).chat().status_code

    assert [call(children[0]), call(children[1]), call(children[0])] == [200, 200, 429]
    other = maker(tenant, client, "spender")
    child = other.make(name="c")
    spender = keys.list_all(SYSTEM, tenant.workspace.id, tenant.project.id)[1].id
    budgets.create(SYSTEM, tenant.workspace.id, ("key", spender), "day", {"tokens": 1})
    assert call(child["key"]) == 402
    keys.revoke(SYSTEM, tenant.workspace.id, spender)
    assert call(child["key"]) == 401


def test_a_key_may_get_a_budget_of_its_own_beside_its_makers(proxy: Proxy, client: FlaskClient) -> None:
    api = maker(proxy.tenant, client)
    made = api.make(budgets=[{"period": "month", "tokens": 9}, {"period": "request", "usd": 0.5}])
    caps = {"usd": None, "tokens": 9, "hard": True}
    assert made["budgets"][0] == {"period": "month", **caps}
    assert api.ask("GET").get_json()["data"][0]["budgets"][1]["usd"] == "0.50"
    endpoint = add_endpoint(proxy.tenant, "priced", "openai/gpt-4o-mini", max_output_tokens=20)
    set_price(proxy.tenant, "openai/gpt-4o-mini", input_usd_per_million="1", output_usd_per_million="1")
    headers = {"Authorization": f"Bearer {made['key']}"}
    refused = client.post(endpoint, json={"message": "Hi"}, headers=headers)
    assert refused.status_code == 422 and "monthly budget of this key" in refused.get_json()["error"]
    assert api.refused("POST", body={"name": "x", "budgets": [{"period": "year"}]})[0] == 422
    wide = api.make(name="wide", budgets=[{"period": "day", "tokens": 10**9}])
    row = database.read(lambda s: s.query(Endpoint).filter_by(slug="priced").one().id)
    budgets.create(SYSTEM, proxy.tenant.workspace.id, ("endpoint", row), "day", {"tokens": 1})
    headers = {"Authorization": f"Bearer {wide['key']}"}
    assert client.post(endpoint, json={"message": "Hi"}, headers=headers).status_code == 422


def test_a_key_made_by_a_key_sees_only_its_own(world: World, client: FlaskClient, api: Api) -> None:
    child = Api(client, api.make(scopes=ALL)["key"])
    grandchild = child.make(name="grandchild")
    assert [row["name"] for row in child.ask("GET").get_json()["data"]] == ["grandchild", "child"]
    for stranger in (world.acme.key.id, world.other.key.id, "key_123abc"):
        for method, path in (("DELETE", f"/{stranger}"), ("POST", f"/{stranger}/rotate")):
            assert child.refused(method, path) == (404, "not_found")
    assert api.ask("DELETE", f"/{world.other.key.id}").status_code == 404
    parent = child.ask("GET").get_json()["data"][1]["id"]
    assert api.ask("DELETE", f"/{parent}").get_json()["also_revoked"] == [grandchild["id"]]


def test_a_limited_key_does_not_get_at_the_keys_of_others(world: World, client: FlaskClient) -> None:
    api = maker(world.acme, client, rules={"min_quality": 10})
    assert api.refused("DELETE", f"/{world.acme.key.id}") == (403, "scope_exceeded")
    assert api.refused("POST", f"/{world.acme.key.id}/rotate") == (403, "scope_exceeded")
    assert api.refused("PATCH", f"/{world.acme.key.id}", {"name": "x"}) == (403, "scope_exceeded")


def test_the_old_secret_opens_until_the_new_one_is_used(world: World, client: FlaskClient, api: Api) -> None:
    def call(secret: str) -> int:
        path = f"/api/{world.acme.project.id}/info"
        return client.get(path, headers={"Authorization": f"Bearer {secret}"}).status_code

    old, key_id = world.acme.secret, world.acme.key.id
    assert call(old) == 200
    unused = api.ask("POST", f"/{key_id}/rotate").get_json()
    assert unused["rotating"] is True
    headers = {"Authorization": f"Bearer {api.secret}"}
    new = client.post(f"/v1/keys/{key_id}/rotate", headers=headers).get_json()["key"]
    assert [call(old), call(unused["key"]), call(old)] == [200, 401, 200]
    assert [call(new), call(old), call(new)] == [200, 401, 200]
    assert api.ask("GET").get_json()["data"][-1]["rotating"] is False


@pytest.mark.parametrize(
    ("body", "named"),
    [({}, "name"), ({"name": "x", "colour": 1}, "colour"), ({"name": "x", "expires_in": 0}, "expires_in"),
     ({"name": "x", "minQualityThreshold": 2}, "minQualityThreshold"),
     ({"name": "x", "providerKeys": {"nobody": "sk-1"}}, "providerKeys.nobody")],
)  # fmt: skip
def test_wrong_fields_are_named(api: Api, body: dict[str, Any], named: str) -> None:
    error = api.ask("POST", body=body)
    assert error.status_code == 422 and error.get_json()["error"]["param"] == named


def test_the_rules_of_a_key_hold_at_its_next_call(proxy: Proxy, client: FlaskClient) -> None:
    api = maker(proxy.tenant, client)
    child = api.make()
    user = Api(client, child["key"])
    assert user.chat().status_code == 200

    def change(**rules: Any) -> None:
        assert api.ask("PATCH", f"?keyId={child['id']}", rules).status_code == 200

    change(excludedProviders=["OpenAI"])
    refused = user.chat()
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (400, "no_models_available")
    path, headers = "/v1/openai/chat/completions", {"Authorization": f"Bearer {child['key']}"}
    refused = client.post(path, json={**HI, "model": "up"}, headers=headers)
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (400, "no_models_available")
    change(excludedProviders=["demo"])
    refused = client.post(proxy.tenant.url, json={"message": "Hi"}, headers=headers)
    assert refused.status_code == 400 and "this key" in refused.get_json()["error"]
    change(excludedProviders=None, allowedModels=["anthropic/*"])
    refused = client.post(path, json={**HI, "model": "up"}, headers=headers)
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (403, "scope_exceeded")
    change(allowedModels=["openai/up"])
    assert client.post(path, json={**HI, "model": "up"}, headers=headers).status_code == 200
    for door, model in ((path, "up"), ("/v1/chat/completions", "openai/up")):
        body = {**HI, "model": model, "models": ["dear"]}
        refused = client.post(door, json=body, headers=headers)
        assert (refused.status_code, refused.get_json()["error"]["param"]) == (403, "models")
    change(allowedModels=[], maxCostPerRequestUsd=0.0000001)
    priced = {**HI, "model": "openai/gpt-4o-mini", "max_tokens": 5000}
    refused = client.post("/v1/chat/completions", json=priced, headers=headers)
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (402, "cost_guardrail_exceeded")
    refused = client.post(path, json={**priced, "model": "gpt-4o-mini"}, headers=headers)
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (402, "cost_guardrail_exceeded")
    change(maxCostPerRequestUsd=None)
    assert user.chat().status_code == 200


def test_a_keys_own_provider_key_pays_there_and_is_kept_sealed(proxy: Proxy, client: FlaskClient) -> None:
    api = maker(proxy.tenant, client)
    secret = "sk-of-the-customer-0001"
    child = api.make(providerKeys={"OpenAI": secret})
    assert child["providerKeys"] == {"openai": "…0001"}
    assert Api(client, child["key"]).chat().status_code == 200
    assert proxy.upstream.requests[-1].headers["authorization"] == f"Bearer {secret}"
    assert proxy.record.cost_nano_usd == 0 and proxy.record.input_tokens == 7
    make_prepaid(proxy.tenant, 1)
    assert Api(client, child["key"]).chat().status_code == 200
    [row] = database.read(lambda s: list(s.query(Credential).filter(Credential.key_id.is_not(None))))
    assert secret.encode() not in row.sealed and sealer.key_id == row.sealed_with
    api.ask("PATCH", f"?keyId={child['id']}", {"providerKeys": {"openai": None}})
    ours = Api(client, child["key"]).chat().get_json()["error"]
    assert ours["code"] == "unknown_model_pricing", "from now on this workspace would pay"


def test_a_provider_without_any_key_can_be_called_with_ones_own(proxy: Proxy, client: FlaskClient) -> None:
    keyless = add_provider(proxy.tenant, proxy.upstream, "bare")
    for row in database.read(lambda s: [r.id for r in s.query(Credential).filter_by(provider_id=keyless)]):
        credentials.delete(SYSTEM, proxy.tenant.workspace.id, row)
    body, headers = {**HI, "model": "bare/up"}, proxy.tenant.headers
    assert client.post("/v1/chat/completions", json=body, headers=headers).status_code == 503
    for path, sent in (
        ("/v1/chat/completions", body),
        ("/v1/bare/chat/completions", {**body, "model": "up"}),
    ):
        answer = client.post(path, json=sent, headers={**headers, "x-byok-bare": "sk-sent-along"})
        assert answer.status_code == 200, answer.text
        assert proxy.upstream.requests[-1].headers["authorization"] == "Bearer sk-sent-along"
        assert "sk-sent-along" not in str(proxy.record.__dict__)


def test_the_narrowest_key_wins_and_a_refused_one_is_not_replaced(proxy: Proxy, client: FlaskClient) -> None:
    api = maker(proxy.tenant, client)
    user = Api(client, api.make(providerKeys={"openai": "sk-kept-with-the-key"})["key"])
    user.chat(x_byok_openai="sk-sent-along")
    assert proxy.upstream.requests[-1].headers["authorization"] == "Bearer sk-sent-along"
    proxy.upstream.script("up", error_reply(401, "Bad key"))
    before = len(proxy.upstream.requests)
    for answer in (user.chat(x_byok_openai="sk-sent-along"), user.chat()):
        error = answer.get_json()["error"]
        assert (answer.status_code, error["code"]) == (400, "own_key_refused"), error
    assert len(proxy.upstream.requests) == before + 2
    allowed = {"gateway": {"byok_fallback": True}}
    projects.update(SYSTEM, proxy.tenant.workspace.id, proxy.tenant.project.id, allowed)
    proxy.upstream.script("up", error_reply(401, "Bad key"), openai_completion("Hello"))
    assert user.chat().status_code == 200
    assert proxy.upstream.requests[-1].headers["authorization"] == "Bearer sk-upstream-secret-0001"
    active = database.read(lambda s: s.query(Credential).filter_by(active=False).count())
    assert active == 0


def test_a_made_key_adds_guardrails_and_weakens_none(
    proxy: Proxy, client: FlaskClient, world: World, upstream: Upstream
) -> None:
    own = {"pii": {"action": "block", "kinds": ["email"]}}
    office = maker(world.acme, client, guardrails=own)
    weaker = {"name": "x", "guardrails": {"pii": {"action": "flag"}}}
    assert office.refused("POST", body=weaker) == (403, "scope_exceeded")
    made = office.make(guardrails={"keywords": {"words": ["red"]}})
    assert made["guardrails"] == {"keywords": {"words": ["red"]}}
    child = Api(client, made["key"])
    for text, status in (("ann@example.com", 422), ("red", 422), ("blue", 200)):
        body = {**HI, "messages": [{"role": "user", "content": text}]}
        headers = {"Authorization": f"Bearer {child.secret}"}
        assert client.post("/v1/chat/completions", json=body, headers=headers).status_code == status
    endpoint = add_endpoint(world.acme, "strict", "openai/up", guardrails=own)
    sly = maker(world.acme, client, "free").make(name="sly", guardrails={"pii": {"action": "off"}})
    headers = {"Authorization": f"Bearer {sly['key']}"}
    assert client.post(endpoint, json={"message": "ann@example.com"}, headers=headers).status_code == 422
