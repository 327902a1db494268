"""Routing rules and the cache in an endpoint's settings: as sentences, as YAML, and wrongly filled in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from app.domain import strict_yaml
from app.domain.actors import SYSTEM
from app.models import User
from app.services import endpoints
from app.services.endpoint_versions import EndpointView
from tests.world import World

NAMES = ("rule_fact", "rule_operator", "rule_value")
LONG = {
    "label": "long",
    "when": {"input_tokens": {"gt": 4000}, "streaming": False},
    "model": "demo/demo-smart",
}
NIGHT = {
    "label": "night",
    "when": {"time_of_day": {"between": ["22:00", "06:00"]}},
    "model": "demo/demo-fast",
    "failover": ["demo/demo-smart"],
}


class Settings:
    """One section of the endpoint's settings, as an editor uses it."""

    def __init__(self, client: FlaskClient, world: World, section: str) -> None:
        place = f"/w/{world.acme.workspace.slug}/endpoints/{world.acme.endpoint.id}"
        self.client, self.world, self.url = client, world, f"{place}/settings/{section}"

    def send(self, fields: list[tuple[str, str]]) -> TestResponse:
        return self.client.post(self.url, data=MultiDict([*fields, ("save_as", "published")]))

    @property
    def view(self) -> EndpointView:
        return endpoints.find(SYSTEM, self.world.acme.workspace.id, self.world.acme.endpoint.id)

    @property
    def routing(self) -> Any:
        return self.view.config.as_dict().get("routing", [])


@pytest.fixture
def routing(world: World, sign_in: Callable[[User], FlaskClient]) -> Settings:
    return Settings(sign_in(world.teammate), world, "routing")


def rule(label: str, model: str, *clauses: tuple[str, str, str], place: str = "", failover: str = "") -> Any:
    padded = [*clauses, *[("", "gt", "")] * (3 - len(clauses))]
    parts = [pair for clause in padded for pair in zip(NAMES, clause, strict=True)]
    about = {"rule_label": label, "rule_model": model, "rule_failover": failover, "rule_place": place}
    return [*parts, *about.items()]


def test_sentences_become_rules_in_their_order(routing: Settings) -> None:
    night = rule("night", "demo/demo-fast", ("time_of_day", "between", "22:00 - 06:00"), place="2",
                 failover="demo/demo-smart")  # fmt: skip
    long = rule(
        "long", "demo/demo-smart", ("input_tokens", "gt", "4000"), ("streaming:no", "gt", ""), place="1"
    )
    assert routing.send([*night, *long, *rule("", "", place="3")]).status_code == 303
    assert routing.routing == [LONG, NIGHT]
    page = routing.client.get(routing.url).text
    assert 'value="22:00 - 06:00"' in page and 'value="demo/demo-smart"' in page
    assert routing.send(rule("", "")).status_code == 303 and routing.routing == []


def test_yaml_is_the_same_data(routing: Settings) -> None:
    assert routing.send([("rules_yaml", strict_yaml.dump([LONG, NIGHT]))]).status_code == 303
    assert routing.routing == [LONG, NIGHT]
    page = routing.client.get(routing.url, query_string={"as": "yaml"}).text
    assert "label: long" in page and "between:" in page


def test_what_is_wrong_stands_beside_the_rule_with_what_was_typed(routing: Settings) -> None:
    wrong = rule("a", "nowhere", ("input_tokens", "gt", "many"))
    answer = routing.send([*wrong, *rule("b", "demo/demo-fast")])
    assert answer.status_code == 422 and routing.routing == []
    assert 'id="f-routing.0.model"' in answer.text and 'id="f-routing.0.when.input_tokens"' in answer.text
    assert 'value="many"' in answer.text and 'value="nowhere"' in answer.text
    hidden = routing.send([*rule("a", "demo/demo-fast"), *rule("b", "demo/demo-fast")])
    assert hidden.status_code == 422 and "“a”" in hidden.text


@pytest.mark.parametrize(
    "text", ["- {", "label: x", "- 5", "- {label: x, model: demo/x, when: {moon: full}}"]
)
def test_yaml_that_is_no_rules_is_shown_again(routing: Settings, text: str) -> None:
    answer = routing.send([("rules_yaml", text)])
    assert answer.status_code == 422 and "field-error" in answer.text and text.split(":")[0] in answer.text


def test_the_cache_is_switched_on_for_a_time(world: World, sign_in: Callable[[User], FlaskClient]) -> None:
    cache = Settings(sign_in(world.teammate), world, "cache")
    fields = [("cache_seconds", "2"), ("unit", "hours")]
    assert cache.send([("keeps", "1"), *fields]).status_code == 303
    assert cache.view.config.cache_seconds == 7200
    assert 'value="2"' in cache.client.get(cache.url).text
    refused = cache.send([("keeps", "1"), ("cache_seconds", "99999"), ("unit", "days")])
    assert refused.status_code == 422 and "From 1 minute to 30 days." in refused.text
    assert cache.send(fields).status_code == 303 and cache.view.config.cache_seconds == 0
