"""One request to several models: an answer of all of them, each with a call and a record of its own (R14)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.money import USD, account_of, make_prepaid, mistakes
from tests.providers_world import records, set_price
from tests.upstream import Upstream
from tests.upstream_replies import error_reply, openai_completion, openai_stream
from tests.world import World

URL = "/v1/chat/completions"
ASK: dict[str, Any] = {
    "model": "compare",
    "models": ["openai/gpt-x", "openai/gpt-y"],
    "messages": [{"role": "user", "content": "Hi"}],
}


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    made = make_proxy(world.acme, upstream, client)
    for model in ("gpt-x", "gpt-y"):
        set_price(world.acme, f"openai/{model}", input_usd_per_million="1", output_usd_per_million="10")
        upstream.script(model, openai_completion(f"I am {model}"))
    return made


def test_each_model_gives_a_choice_and_is_paid_exactly(proxy: Proxy) -> None:
    make_prepaid(proxy.tenant, USD)
    response = proxy.post(URL, ASK)
    body = response.get_json()
    assert response.status_code == 200, body
    told = [(c["index"], c["model"], c["message"]["content"]) for c in body["choices"]]
    assert told == [(0, "openai/gpt-x", "I am gpt-x"), (1, "openai/gpt-y", "I am gpt-y")]
    assert body["usage"]["prompt_tokens"] == 14 and body["model"] == "compare"
    entries, rows = body["sluice"]["compare"], records()
    assert {entry["request_id"] for entry in entries} == {row.id for row in rows} and len(rows) == 2
    cost = 7 * 1000 + 3 * 10_000
    assert [entry["cost_usd"] for entry in entries] == ["0.000037", "0.000037"]
    assert response.headers["x-sluice-cost-usd"] == "0.000074"
    assert account_of(proxy.tenant).balance_nano_usd == USD - 2 * cost and mistakes() == []
    assert {row.model_requested for row in rows} == {"openai/gpt-x", "openai/gpt-y"}


def test_one_that_fails_is_told_beside_the_others_and_costs_nothing(proxy: Proxy) -> None:
    proxy.upstream.script("gpt-y", error_reply(500))
    body = proxy.post(URL, ASK).get_json()
    assert [choice["index"] for choice in body["choices"]] == [0]
    failed = body["sluice"]["compare"][1]
    assert failed["error"]["message"] and failed["cost_usd"] == "0.00"


def test_when_all_fail_the_last_error_is_the_answer(proxy: Proxy) -> None:
    for stream in (False, True):
        response = proxy.post(URL, {**ASK, "models": ["gpt-none", "gpt-none-either"], "stream": stream})
        assert response.status_code == 404, response.data
        assert response.get_json()["error"]["code"] == "model_not_found"


def test_a_stream_interleaves_them_by_index_and_ends_with_the_sums(proxy: Proxy) -> None:
    for model in ("gpt-x", "gpt-y"):
        proxy.upstream.script(model, openai_stream("I am ", model))
    body = {**ASK, "model": "openai/gpt-x", "compare": ASK["models"], "stream": True}
    response = proxy.post(URL, {name: value for name, value in body.items() if name != "models"})
    lines = [line[6:] for line in response.text.split("\n\n") if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    chunks = [json.loads(line) for line in lines]
    texts = {0: "", 1: ""}
    for chunk in chunks:
        for choice in chunk["choices"]:
            texts[choice["index"]] += choice["delta"].get("content") or ""
    assert texts == {0: "I am gpt-x", 1: "I am gpt-y"}
    assert chunks[-1]["usage"]["completion_tokens"] == 6 and len(chunks[-1]["sluice"]["compare"]) == 2
    assert {chunk["model"] for chunk in chunks[:-1]} == {"openai/gpt-x", "openai/gpt-y"}


def test_a_stream_goes_on_where_one_model_fails(proxy: Proxy) -> None:
    proxy.upstream.script("gpt-x", error_reply(500))
    proxy.upstream.script("gpt-y", openai_stream("Hello"))
    text = proxy.post(URL, {**ASK, "stream": True}).text
    assert '"finish_reason":"error"' in text and "Hello" in text and text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"models": ["openai/gpt-x"]}, "models"),
        ({"models": ["openai/gpt-x"] * 5}, "models"),
        ({"models": None}, "models"),
        ({"compare": ["openai/gpt-x", 3]}, "compare"),
        ({"compare": ["openai/gpt-x", "compare"]}, "compare"),
        ({"n": 2}, "n"),
    ],
)
def test_what_makes_no_sense_is_refused(proxy: Proxy, body: dict[str, Any], param: str) -> None:
    response = proxy.post(URL, {**ASK, **body})
    assert response.status_code == 400 and response.get_json()["error"]["param"] == param
    refused = proxy.post(URL, ASK, Idempotency_Key="one")
    assert refused.status_code == 400 and proxy.upstream.requests == []
