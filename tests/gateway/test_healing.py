"""An answer that was to be JSON is JSON: mended, asked for once more, or passed on with a warning (R11)."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.money import USD, account_of, make_prepaid, mistakes
from tests.providers_world import set_price
from tests.upstream import Upstream
from tests.upstream_replies import USAGE, error_reply, json_reply, openai_completion, openai_stream
from tests.world import World

URL = "/v1/chat/completions"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}
STRICT = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA, "strict": True}}
ASK: dict[str, Any] = {
    "model": "openai/gpt-x",
    "messages": [{"role": "user", "content": "Where?"}],
    "response_format": {"type": "json_object"},
}
BROKEN = '```json\n{"city": "Bern", "people": 134000,\n```'
WRONG = '{"city": "Bern", "people": "many"}'
RIGHT = '{"city":"Bern","people":134000}'


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    made = make_proxy(world.acme, upstream, client)
    set_price(world.acme, "openai/gpt-x", input_usd_per_million="1", output_usd_per_million="10")
    return made


def content(response: Any) -> str:
    assert response.status_code == 200, response.get_json()
    return str(response.get_json()["choices"][0]["message"]["content"])


def test_broken_json_is_mended_without_asking_anybody(proxy: Proxy) -> None:
    proxy.upstream.script("gpt-x", openai_completion(BROKEN))
    response = proxy.post(URL, ASK)
    assert content(response) == '{"city": "Bern", "people": 134000}'
    told = response.get_json()["sluice"]["healing"]
    assert told["outcome"] == "mended" and "a missing bracket was added" in told["steps"]
    assert "x-sluice-warning" not in response.headers and len(proxy.upstream.requests) == 1
    assert proxy.record.healing["outcome"] == "mended"


@pytest.mark.parametrize("body", [{"response_format": {"type": "text"}}, {"healing": "off"}])
def test_nothing_is_touched_where_no_healing_is_asked_for(proxy: Proxy, body: dict[str, Any]) -> None:
    proxy.upstream.script("gpt-x", openai_completion(BROKEN))
    response = proxy.post(URL, {**ASK, **body})
    assert content(response) == BROKEN and "healing" not in response.get_json()["sluice"]


def test_every_choice_is_mended(proxy: Proxy) -> None:
    message = {"role": "assistant", "content": "{'a': 1,}"}
    choices = [{"index": index, "message": message, "finish_reason": "stop"} for index in range(2)]
    proxy.upstream.script(
        "gpt-x", json_reply({"object": "chat.completion", "choices": choices, "usage": USAGE})
    )
    body = proxy.post(URL, {**ASK, "n": 2}).get_json()
    assert [choice["message"]["content"] for choice in body["choices"]] == ['{"a": 1}'] * 2


def test_what_stays_wrong_is_asked_for_once_and_paid_exactly(proxy: Proxy) -> None:
    make_prepaid(proxy.tenant, USD)
    proxy.upstream.script("gpt-x", openai_completion(WRONG), openai_completion(RIGHT))
    response = proxy.post(URL, {**ASK, "response_format": STRICT})
    assert content(response) == RIGHT
    asked = proxy.upstream.requests[-1].json
    assert asked["temperature"] == 0 and WRONG in asked["messages"][-1]["content"]
    cost = 2 * (7 * 1000 + 3 * 10_000)
    account = account_of(proxy.tenant)
    assert (account.balance_nano_usd, account.reserved_nano_usd) == (USD - cost, 0)
    assert proxy.record.cost_nano_usd == cost and proxy.record.extras[0]["kind"] == "repair"
    assert response.get_json()["sluice"]["healing"]["outcome"] == "repaired"
    assert mistakes() == []


@pytest.mark.parametrize("second", [openai_completion(WRONG), error_reply(500)])
def test_what_cannot_be_repaired_goes_out_as_it_came_with_a_warning(proxy: Proxy, second: Any) -> None:
    proxy.upstream.script("gpt-x", openai_completion(WRONG), second)
    response = proxy.post(URL, {**ASK, "response_format": STRICT})
    assert content(response) == WRONG
    assert "breaks the rule 'type'" in response.headers["x-sluice-warning"]
    assert len(proxy.upstream.requests) == 2


def test_nobody_is_asked_again_where_the_client_or_the_hold_forbids_it(proxy: Proxy) -> None:
    proxy.upstream.script("gpt-x", openai_completion(WRONG))
    response = proxy.post(URL, {**ASK, "response_format": STRICT, "healing": "local"})
    assert content(response) == WRONG and "it was not asked again" in response.headers["x-sluice-warning"]
    make_prepaid(proxy.tenant, USD)
    response = proxy.post(URL, {**ASK, "response_format": STRICT, "max_tokens": 16})
    assert content(response) == WRONG and "than is held" in response.headers["x-sluice-warning"]
    assert len(proxy.upstream.requests) == 2 and mistakes() == []


def test_a_schema_that_cannot_be_used_leaves_the_answer_alone(proxy: Proxy) -> None:
    proxy.upstream.script("gpt-x", openai_completion(WRONG))
    schema = {"name": "x", "schema": {"$ref": "https://example.com/schema"}}
    response = proxy.post(URL, {**ASK, "response_format": {"type": "json_schema", "json_schema": schema}})
    assert content(response) == WRONG
    assert "another document" in response.headers["x-sluice-warning"]
    assert len(proxy.upstream.requests) == 1


def test_a_stream_passes_as_it_comes_and_the_record_says_so(proxy: Proxy) -> None:
    proxy.upstream.script("gpt-x", openai_stream("```json\n", '{"a": 1'))
    response = proxy.post(URL, {**ASK, "stream": True})
    assert b"```json" in response.data and b'"outcome":"streamed"' in response.data
    assert proxy.record.healing == {"outcome": "streamed", "steps": []}


def test_an_unknown_word_is_refused(proxy: Proxy) -> None:
    response = proxy.post(URL, {**ASK, "healing": "always"})
    assert response.status_code == 400 and response.get_json()["error"]["param"] == "healing"
