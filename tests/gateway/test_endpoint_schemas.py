"""Input and output schemas through the doors: what is refused, what is asked for again, what is paid."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.money import USD, account_of, make_prepaid, mistakes
from tests.providers_world import add_endpoint, add_provider, records, set_price
from tests.upstream import Upstream
from tests.upstream_replies import USAGE, json_reply, openai_completion
from tests.world import Tenant, World

INPUT = {
    "type": "object",
    "properties": {"message": {"type": "string", "maxLength": 10}},
    "required": ["message"],
}
ORDER = {
    "type": "object",
    "properties": {"item": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
    "required": ["item", "count"],
    "additionalProperties": False,
}
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}
RIGHT = '{"city":"Bern","people":134000}'
WRONG = '{"city": "Bern", "people": "many"}'


@pytest.fixture
def acme(world: World, upstream: Upstream) -> Tenant:
    add_provider(world.acme, upstream, "openai")
    set_price(world.acme, "openai/gpt-x", input_usd_per_million="1", output_usd_per_million="10")
    return world.acme


def endpoint(tenant: Tenant, **fields: Any) -> str:
    return add_endpoint(tenant, "shaped", "openai/gpt-x", streaming_enabled=False, **fields)


def test_a_request_that_does_not_fit_is_refused_with_rule_and_place(
    client: FlaskClient, acme: Tenant, upstream: Upstream
) -> None:
    url = endpoint(acme, input_schema=INPUT)
    make_prepaid(acme, USD)
    response = client.post(url, json={"message": "much too long a text"}, headers=acme.headers)
    assert response.status_code == 422
    assert "longer than 10 characters" in response.get_json()["error"]
    assert "(at /message)" in response.get_json()["error"] and "much" not in response.get_data(as_text=True)
    assert upstream.requests == [] and account_of(acme).balance_nano_usd == USD and mistakes() == []
    assert client.post(url, json={"message": "short"}, headers=acme.headers).status_code == 200


def test_in_openais_dialect_the_refusal_is_openais(client: FlaskClient, acme: Tenant) -> None:
    endpoint(acme, input_schema={"properties": {"messages": {"maxItems": 1}}})
    messages = [{"role": "user", "content": "a"}] * 2
    path = f"/api/{acme.project.id}/v1/chat/completions"
    response = client.post(path, json={"model": "shaped", "messages": messages}, headers=acme.headers)
    assert response.status_code == 422
    assert response.get_json()["error"]["code"] == "input_schema_invalid"


@pytest.mark.parametrize("message", [{"item": "bread", "count": 2}, '{"item": "bread", "count": 2}'])
def test_a_schema_of_fields_is_about_what_the_message_holds(
    client: FlaskClient, acme: Tenant, upstream: Upstream, message: Any
) -> None:
    url = endpoint(acme, input_schema=ORDER, user_prompt_template="Order: {{input}}")
    assert client.post(url, json={"message": message}, headers=acme.headers).status_code == 200
    assert '"bread"' in upstream.requests[-1].json["messages"][-1]["content"]
    wrong = client.post(url, json={"message": {"item": "bread", "count": 0}}, headers=acme.headers)
    assert wrong.status_code == 422 and "(at /count)" in wrong.get_json()["error"]
    plain = client.post(url, json={"message": "two breads"}, headers=acme.headers)
    assert plain.status_code == 422


def test_the_model_is_asked_for_the_schema_and_careless_json_is_mended(
    client: FlaskClient, acme: Tenant, upstream: Upstream
) -> None:
    upstream.script("gpt-x", openai_completion(f"```json\n{RIGHT}\n```"))
    response = client.post(
        endpoint(acme, output_schema=CITY), json={"message": "Where?", "stream": True}, headers=acme.headers
    )
    assert response.status_code == 200 and response.get_json()["content"] == RIGHT
    asked = upstream.requests[-1].json
    assert asked["response_format"]["json_schema"] == {"name": "answer", "schema": CITY, "strict": True}
    assert not asked.get("stream") and records()[-1].healing["outcome"] == "mended"


def test_an_answer_that_does_not_fit_is_asked_for_once_more(
    client: FlaskClient, acme: Tenant, upstream: Upstream
) -> None:
    url = endpoint(acme, output_schema=CITY, max_output_tokens=400)
    make_prepaid(acme, USD)
    upstream.script("gpt-x", openai_completion(WRONG), openai_completion(RIGHT))
    response = client.post(url, json={"message": "Where?"}, headers=acme.headers)
    assert response.get_json()["content"] == RIGHT and len(upstream.requests) == 2
    assert records()[-1].extras[0]["kind"] == "repair" and mistakes() == []


def test_what_is_held_leaves_room_to_ask_again_however_little_there_is(
    client: FlaskClient, acme: Tenant, upstream: Upstream
) -> None:
    url = endpoint(acme, output_schema=CITY)  # its longest answer is ours to set
    make_prepaid(acme, 20_000_000)
    upstream.script("gpt-x", openai_completion(WRONG), openai_completion(RIGHT))
    response = client.post(url, json={"message": "Where?"}, headers=acme.headers)
    assert response.get_json().get("content") == RIGHT and mistakes() == []
    assert upstream.requests[0].json["max_tokens"] >= upstream.requests[1].json["max_tokens"]


def test_what_never_fits_ends_after_two_calls_and_is_paid(
    client: FlaskClient, acme: Tenant, upstream: Upstream
) -> None:
    url = endpoint(acme, output_schema=CITY, max_output_tokens=400)
    make_prepaid(acme, USD)
    upstream.script("gpt-x", *[openai_completion(WRONG)] * 5)
    response = client.post(url, json={"message": "Where?"}, headers=acme.headers)
    assert response.status_code == 502 and response.headers["x-should-retry"] == "false"
    error = response.get_json()["error"]
    assert 'not of type "integer" (at /people)' in error and "many" not in error
    cost = 2 * (7 * 1000 + 3 * 10_000)
    assert len(upstream.requests) == 2 and account_of(acme).balance_nano_usd == USD - cost
    assert (records()[-1].outcome, records()[-1].cost_nano_usd) == ("rejected", cost) and mistakes() == []


@pytest.mark.parametrize("answer", ["Bern, of course.", ""])
def test_an_answer_that_is_no_json_is_no_answer(
    client: FlaskClient, acme: Tenant, upstream: Upstream, answer: str
) -> None:
    upstream.script("gpt-x", *[openai_completion(answer)] * 2)
    response = client.post(
        endpoint(acme, output_schema=CITY), json={"message": "Where?"}, headers=acme.headers
    )
    assert response.status_code == 502 and "it is not JSON" in response.get_json()["error"]


def test_every_choice_must_fit_and_calls_of_tools_need_not(
    client: FlaskClient, acme: Tenant, upstream: Upstream
) -> None:
    endpoint(acme, output_schema=CITY)
    path, asked = f"/api/{acme.project.id}/v1/chat/completions", {"model": "shaped", "healing": "local"}
    asked |= {"messages": [{"role": "user", "content": "Where?"}], "n": 2}
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    told = [{"role": "assistant", "content": RIGHT}, {"role": "assistant", "content": WRONG}]
    for second, status in ((told[1], 502), ({"role": "assistant", "tool_calls": [call]}, 200)):
        choices = [
            {"index": index, "message": message, "finish_reason": "stop"}
            for index, message in enumerate([told[0], second])
        ]
        upstream.script(
            "gpt-x", json_reply({"object": "chat.completion", "choices": choices, "usage": USAGE})
        )
        response = client.post(path, json=asked, headers=acme.headers)
        assert response.status_code == status, response.get_json()
