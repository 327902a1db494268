"""Routing rules and the cache of an endpoint, as its callers meet them (P31, P32)."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.domain import apply_file, strict_yaml
from app.domain.actors import SYSTEM
from app.services import budgets, endpoints
from app.services.apply import apply
from app.services.export import export
from tests.forgetting import forget_everything
from tests.money import USD, make_prepaid
from tests.providers_world import add_endpoint, add_provider, records, set_price
from tests.upstream import Upstream
from tests.upstream_replies import error_reply, openai_completion
from tests.world import World

RULES = [
    {"label": "long texts", "when": {"input_tokens": {"gt": 100}}, "model": "up/large"},
    {
        "label": "chats",
        "when": {"messages_count": {"gte": 3}},
        "model": "up/chatty",
        "failover": ["up/spare"],
    },
]


class Caller:
    """Calls one endpoint."""

    def __init__(self, client: FlaskClient, world: World, url: str) -> None:
        self.client, self.headers, self.url = client, world.acme.headers, url

    def ask(self, message: Any = "Hi", **headers: str) -> TestResponse:
        field = "message" if isinstance(message, str) else "messages"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(self.url, json={field: message}, headers={**self.headers, **named})


@pytest.fixture
def routed(client: FlaskClient, world: World, upstream: Upstream) -> Caller:
    add_provider(world.acme, upstream, "up")
    return Caller(client, world, add_endpoint(world.acme, "routed", "up/small", "up/backup", routing=RULES))


def test_the_rule_that_fits_chooses_the_model_and_the_receipt_names_it(
    routed: Caller, upstream: Upstream
) -> None:
    for message in ("Hi", "word " * 200, [{"role": "user", "content": "Hi"}] * 3):
        assert routed.ask(message).status_code == 200
    assert [request.json["model"] for request in upstream.requests] == ["small", "large", "chatty"]
    assert [row.routing_decision for row in records()] == [None, "long texts", "chats"]


def test_a_rules_own_failover_stands_in_else_the_endpoints_chain(routed: Caller, upstream: Upstream) -> None:
    for model in ("chatty", "spare", "large", "small", "backup"):
        upstream.script(model, error_reply(500))
    assert routed.ask([{"role": "user", "content": "Hi"}] * 3).status_code == 502
    assert routed.ask("word " * 200).status_code == 502
    asked = list(dict.fromkeys(request.json["model"] for request in upstream.requests))
    assert asked == ["chatty", "spare", "large", "small", "backup"]


def test_the_hold_covers_the_model_that_the_rule_chose(
    routed: Caller, upstream: Upstream, world: World
) -> None:
    for model, price in (
        ("small", "0.01"),
        ("backup", "0.01"),
        ("large", "1000"),
        ("chatty", "1"),
        ("spare", "1"),
    ):
        set_price(world.acme, f"up/{model}", input_usd_per_million=price, output_usd_per_million=price)
    make_prepaid(world.acme, USD // 20)
    assert routed.ask("Hi").status_code == 200
    assert routed.ask("word " * 200).status_code == 402
    assert len(upstream.requests) == 1


def test_a_rule_about_the_monthly_budget_waits_for_it_to_fill(
    client: FlaskClient, world: World, upstream: Upstream
) -> None:
    add_provider(world.acme, upstream, "up")
    for model in ("dear", "cheap"):
        set_price(world.acme, f"up/{model}", input_usd_per_million="1", output_usd_per_million="1")
    rule = {"label": "saving", "when": {"monthly_spend_pct": {"gte": 50}}, "model": "up/cheap"}
    url = add_endpoint(world.acme, "saver", "up/dear", max_output_tokens=5, routing=[rule])
    view = next(v for v in endpoints.list_all(SYSTEM, world.acme.workspace.id, world.acme.project.id)
                if v.endpoint.slug == "saver")  # fmt: skip
    place = ("endpoint", view.endpoint.id)
    budgets.create(SYSTEM, world.acme.workspace.id, place, "month", {"usd": "0.00001", "hard": False})
    caller = Caller(client, world, url)
    assert caller.ask().status_code == 200
    forget_everything()
    assert caller.ask().status_code == 200
    assert [request.json["model"] for request in upstream.requests] == ["dear", "cheap"]


def test_a_model_of_a_provider_that_is_not_there_is_pointed_out(world: World) -> None:
    wrong = [{"label": "x", "model": "nowhere/x"}]
    with pytest.raises(Exception, match="nowhere") as caught:
        endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, {"routing": wrong})
    assert "routing.0.model" in caught.value.errors  # type: ignore[attr-defined]


def test_the_same_request_is_answered_from_the_cache_until_a_new_version(
    client: FlaskClient, world: World, upstream: Upstream
) -> None:
    add_provider(world.acme, upstream, "up")
    caller = Caller(client, world, add_endpoint(world.acme, "cached", "up/small", cache_seconds=60))
    told = [caller.ask(text).headers.get("X-Cache") for text in ("Hi", "Hi", "Hello")]
    assert told == ["miss", "hit", "miss"]
    assert caller.ask("Hi", x_cache="skip").headers.get("X-Cache") is None
    body = {"message": "Hi", "stream": True}
    assert "X-Cache" not in client.post(caller.url, json=body, headers=caller.headers).headers
    assert [row.cached for row in records()] == [False, True, False, False, False]
    view = endpoints.list_all(SYSTEM, world.acme.workspace.id, world.acme.project.id)
    found = next(v.endpoint.id for v in view if v.endpoint.slug == "cached")
    endpoints.save(SYSTEM, world.acme.workspace.id, found, {"prompt": "Be kind."})
    assert caller.ask("Hi").headers["X-Cache"] == "miss"


def test_rules_cache_form_and_management_come_back_from_an_exported_file(world: World) -> None:
    rule = {
        "label": "long",
        "when": {"input_tokens": {"gt": 100}, "streaming": True},
        "model": "demo/demo-fast",
    }
    file = {
        "workspaces": [
            {
                "name": "Acme",
                "projects": [
                    {
                        "name": "Support",
                        "management_api": True,
                        "endpoints": [
                            {"slug": "hello", "routing": [rule], "cache_seconds": 60, "form_shared": True}
                        ],
                    }
                ],
            }
        ]
    }
    document = apply_file.read(strict_yaml.dump(file).encode(), {})
    assert apply(SYSTEM, document).changed
    written = export(SYSTEM, "Acme")["workspaces"][0]["projects"][0]
    found = written["endpoints"][0]
    assert (written["management_api"], found["form_shared"], found["cache_seconds"]) == (True, True, 60)
    assert found["routing"] == [rule]
    assert not apply(SYSTEM, document).changed


def test_the_cache_knows_what_guardrails_left_and_keeps_nothing_that_they_refuse(
    client: FlaskClient, world: World, upstream: Upstream
) -> None:
    add_provider(world.acme, upstream, "up")
    rules = {
        "pii": {"kinds": ["email"], "action": "mask", "on": "input"},
        "keywords": {"words": ["forbidden"], "action": "block", "on": "output"},
    }
    caller = Caller(
        client, world, add_endpoint(world.acme, "guarded", "up/small", cache_seconds=60, guardrails=rules)
    )
    told = [caller.ask(f"Write to {name}@example.com").headers["X-Cache"] for name in ("ann", "bob")]
    assert told == ["miss", "hit"] and len(upstream.requests) == 1
    assert "ann" not in str(upstream.requests[0].json["messages"])
    upstream.script("small", openai_completion("This is forbidden."))
    assert [caller.ask("Say it").status_code for _ in range(2)] == [422, 422]
    assert len(upstream.requests) == 3
