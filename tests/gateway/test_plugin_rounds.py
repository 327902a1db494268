"""Tool rounds: the gateway runs its own tools and asks the model again; money is right in every round."""

from __future__ import annotations

import json
from collections.abc import Callable

import gevent
import pytest
from flask.testing import FlaskClient

from app.domain.calls import Cancellation
from app.models import User
from app.plugins import code_exec
from app.services import plugin_rounds
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.gateway.plugin_world import (
    ASK,
    CODE,
    IMAGE_OPTIONS,
    MODEL,
    PAGES,
    SEARCH,
    ask,
    asked_models,
    calling,
    fake_sandbox,
    set_up,
    stream_events,
)
from tests.money import account_of, make_prepaid, mistakes
from tests.providers_world import set_price
from tests.upstream import Upstream
from tests.upstream_replies import (
    SSE,
    Reply,
    anthropic_message,
    error_reply,
    json_reply,
    openai_completion,
    openai_events,
    openai_stream,
)
from tests.world import World


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    return make_proxy(world.acme, upstream, client)


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return fake_sandbox(monkeypatch)


def test_a_program_is_run_and_the_model_asked_again(proxy: Proxy, sandbox: list[str]) -> None:
    set_up(proxy, "code-exec")
    proxy.upstream.script("up-model", calling("sluice_run_python", CODE), openai_completion("It is 42."))
    body = ask(proxy, "code-exec").get_json()
    assert sandbox == ["print(6 * 7)"]
    assert body["choices"][0]["message"]["content"] == "It is 42."
    assert "tool_calls" not in body["choices"][0]["message"]
    again = asked_models(proxy)[1]
    assert [m["role"] for m in again["messages"]] == ["user", "assistant", "tool"]
    assert again["messages"][2] == {"role": "tool", "tool_call_id": "call_1", "content": "42"}
    assert body["usage"]["total_tokens"] == 10  # the last answer's; the rounds stand beside it
    assert [(e["kind"], e["usage"]["total_tokens"]) for e in body["sluice"]["extras"]] == [("round", 10)]


def test_a_streamed_round_is_one_stream(proxy: Proxy, sandbox: list[str]) -> None:
    set_up(proxy, "code-exec")
    proxy.upstream.script(
        "up-model",
        calling("sluice_run_python", CODE, stream=True, text="Let me see."),
        Reply([e.replace(b"chatcmpl-1", b"chatcmpl-2") for e in openai_events("It is ", "42.")], headers=SSE),
    )
    events = stream_events(ask(proxy, "code-exec", stream=True))
    assert {event["id"] for event in events} == {"chatcmpl-1"}
    deltas = [choice["delta"] for event in events for choice in event["choices"]]
    assert "".join(d.get("content") or "" for d in deltas) == "Let me see.\n\nIt is 42."
    assert sum("role" in delta for delta in deltas) == 1
    assert not any("tool_calls" in delta for delta in deltas)
    finishes = [c["finish_reason"] for e in events for c in e["choices"] if c["finish_reason"]]
    assert finishes == ["stop"]
    assert sum("usage" in event for event in events) == 1
    assert sandbox == ["print(6 * 7)"]


def test_the_clients_own_calls_go_to_the_client_and_ours_beside_them_are_not_run(
    proxy: Proxy, sandbox: list[str]
) -> None:
    set_up(proxy, "code-exec")
    own = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    mixed = calling("sluice_run_python", CODE, others=[("weather", {"city": "Graz"})], stream=True)
    proxy.upstream.script("up-model", mixed)
    events = stream_events(ask(proxy, "code-exec", stream=True, tools=[own]))
    calls = [c for e in events for choice in e["choices"] for c in choice["delta"].get("tool_calls", ())]
    assert {call["index"] for call in calls} == {0} and calls[0]["function"]["name"] == "weather"
    assert "".join(call["function"]["arguments"] for call in calls) == '{"city": "Graz"}'
    assert sandbox == [] and len(asked_models(proxy)) == 1
    assert [t["function"]["name"] for t in asked_models(proxy)[0]["tools"]] == [
        "weather",
        "sluice_run_python",
    ]


def test_rounds_end_at_their_limit(proxy: Proxy, sandbox: list[str]) -> None:
    set_up(proxy, "code-exec")
    proxy.upstream.script("up-model", calling("sluice_run_python", CODE))
    body = ask(proxy, "code-exec").get_json()
    assert body["choices"][0]["finish_reason"] == "length"
    assert len(sandbox) == 4 and len(asked_models(proxy)) == 5
    assert asked_models(proxy)[4]["tool_choice"] == "none"
    assert "4 rounds" in body["sluice"]["warnings"][0]


def test_a_prepaid_round_is_charged_exactly_and_the_books_add_up(proxy: Proxy, sandbox: list[str]) -> None:
    set_up(proxy, "code-exec")
    set_price(proxy.tenant, MODEL, input_usd_per_million="1", output_usd_per_million="10")
    make_prepaid(proxy.tenant, 10_000_000_000)
    proxy.upstream.script("up-model", calling("sluice_run_python", CODE), openai_completion("It is 42."))
    body = ask(proxy, "code-exec", max_tokens=100).get_json()
    cost = 2 * (7 * 1_000 + 3 * 10_000)
    assert body["sluice"]["cost_usd"] == "0.000074"
    assert proxy.record.cost_nano_usd == cost <= proxy.record.held_nano_usd
    account = account_of(proxy.tenant)
    assert (account.balance_nano_usd, account.reserved_nano_usd) == (10_000_000_000 - cost, 0)
    assert mistakes() == []


def test_a_round_that_the_hold_does_not_cover_is_not_begun(proxy: Proxy, sandbox: list[str]) -> None:
    set_up(proxy, "code-exec")
    set_price(proxy.tenant, MODEL, input_usd_per_million="1", output_usd_per_million="10")
    make_prepaid(proxy.tenant, 10_000_000_000)
    dear = {"prompt_tokens": 14_000, "completion_tokens": 100, "total_tokens": 14_100}
    proxy.upstream.script("up-model", calling("sluice_run_python", CODE, usage=dear))
    body = ask(proxy, "code-exec", max_tokens=100).get_json()
    assert body["choices"][0]["finish_reason"] == "length" and sandbox == []
    assert "does not cover" in proxy.record.warnings[0]
    assert proxy.record.cost_nano_usd == 15_000_000 <= proxy.record.held_nano_usd
    assert mistakes() == []


def test_a_later_round_may_say_only_what_the_rest_of_the_hold_covers(
    proxy: Proxy, sandbox: list[str]
) -> None:
    set_up(proxy, "code-exec")
    set_price(proxy.tenant, MODEL, input_usd_per_million="1", output_usd_per_million="10")
    make_prepaid(proxy.tenant, 100_000_000)
    first = {"prompt_tokens": 14_000, "completion_tokens": 4_000, "total_tokens": 18_000}
    proxy.upstream.script(
        "up-model", calling("sluice_run_python", CODE, usage=first), openai_completion("It is 42.")
    )
    assert ask(proxy, "code-exec").status_code == 200
    most = [sent["max_tokens"] for sent in asked_models(proxy)]
    assert 16 < most[1] < most[0] < 5_000
    spent_at_most = 54_000_000 + most[1] * 10_000 + len(json.dumps(asked_models(proxy)[1])) * 1_000
    assert spent_at_most <= proxy.record.held_nano_usd <= 100_000_000
    assert sandbox and mistakes() == []


def test_a_picture_is_shown_and_its_price_charged(proxy: Proxy) -> None:
    set_up(proxy, "image-gen", **IMAGE_OPTIONS, model="painter")
    set_price(proxy.tenant, MODEL, input_usd_per_million="1", output_usd_per_million="10")
    make_prepaid(proxy.tenant, 10_000_000_000)
    proxy.upstream.script("painter", json_reply({"data": [{"url": "https://cdn.example/cat.png"}]}))
    proxy.upstream.script(
        "up-model", calling("sluice_make_image", {"prompt": "A cat"}), openai_completion("There.")
    )
    message = ask(proxy, "image-gen", max_tokens=100).get_json()["choices"][0]["message"]
    assert message["content"] == "![A cat](https://cdn.example/cat.png)\n\nThere."
    assert message["images"] == [{"type": "image_url", "image_url": {"url": "https://cdn.example/cat.png"}}]
    assert proxy.record.cost_nano_usd == 40_000_000 + 74_000
    assert mistakes() == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_round_that_fails_ends_the_call_and_costs_no_more(
    proxy: Proxy, sandbox: list[str], stream: bool
) -> None:
    set_up(proxy, "code-exec")
    set_price(proxy.tenant, MODEL, input_usd_per_million="1", output_usd_per_million="10")
    make_prepaid(proxy.tenant, 10_000_000_000)
    first = calling("sluice_run_python", CODE, stream=stream, text="Let me see.")
    proxy.upstream.script("up-model", first, error_reply(400))
    response = ask(proxy, "code-exec", max_tokens=100, stream=stream)
    if stream:
        assert "Let me see." in response.text and "[DONE]" not in response.text
        assert stream_events(response)[-1]["error"]
        assert (proxy.record.outcome, proxy.record.cost_nano_usd) == ("cut", 37_000)
    else:
        assert response.status_code == 400
        assert (proxy.record.outcome, proxy.record.cost_nano_usd) == ("failed", 0)
    assert account_of(proxy.tenant).reserved_nano_usd == 0 and mistakes() == []


def test_a_client_that_leaves_while_a_tool_runs_pays_what_was_used(
    proxy: Proxy, sandbox: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(proxy, "code-exec")
    set_price(proxy.tenant, MODEL, input_usd_per_million="1", output_usd_per_million="10")
    make_prepaid(proxy.tenant, 10_000_000_000)

    def leave(code: str, seconds: int, cancellation: Cancellation) -> str:
        cancellation.cancel("client_left")
        return "42"

    monkeypatch.setattr(code_exec, "run", leave)
    proxy.upstream.script("up-model", calling("sluice_run_python", CODE, stream=True, text="Let me see."))
    ask(proxy, "code-exec", max_tokens=100, stream=True)
    assert len(asked_models(proxy)) == 1
    assert (proxy.record.outcome, proxy.record.cost_nano_usd) == ("client_left", 37_000)
    assert account_of(proxy.tenant).balance_nano_usd == 10_000_000_000 - 37_000 and mistakes() == []


def test_while_a_tool_runs_the_stream_stays_alive(
    proxy: Proxy, sandbox: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(proxy, "code-exec")
    monkeypatch.setattr(plugin_rounds, "HEARTBEAT_SECONDS", 0.01)

    def wait(code: str, seconds: int, cancellation: Cancellation) -> str:
        gevent.sleep(0.05)
        return "42"

    monkeypatch.setattr(code_exec, "run", wait)
    first = calling("sluice_run_python", CODE, stream=True)
    proxy.upstream.script("up-model", first, openai_stream("42"))
    text = ask(proxy, "code-exec", stream=True).text
    assert ": keep-alive" in text and '"content":"42"' in text


def test_a_model_that_speaks_anthropics_dialect_has_rounds_too(proxy: Proxy, sandbox: list[str]) -> None:
    set_up(proxy, "code-exec")
    use = {"type": "tool_use", "id": "toolu_1", "name": "sluice_run_python", "input": CODE}
    proxy.upstream.script(
        "claude-up", anthropic_message(content=[use], stop="tool_use"), anthropic_message("42.")
    )
    asking = {"model": "anthropic/claude-up", "max_tokens": 50, "messages": ASK, "plugins": ["code-exec"]}
    message = proxy.post("/v1/messages", asking).get_json()
    assert sandbox == ["print(6 * 7)"]
    assert [block["text"] for block in message["content"]] == ["42."] and message["stop_reason"] == "end_turn"
    sent = [r.json for r in proxy.upstream.requests if r.path.endswith("/messages")][1]
    assert sent["messages"][2]["content"][0]["type"] == "tool_result"


def test_the_receipt_tells_rounds_and_findings(
    proxy: Proxy, sandbox: list[str], world: World, sign_in: Callable[[User], FlaskClient]
) -> None:
    set_up(proxy, "code-exec")
    set_up(proxy, "web-search")
    proxy.upstream.script(SEARCH, json_reply(PAGES))
    set_price(proxy.tenant, MODEL, input_usd_per_million="1", output_usd_per_million="10")
    proxy.upstream.script("up-model", calling("sluice_run_python", CODE), openai_completion("It is 42."))
    ask(proxy, "code-exec", "web-search")
    page = sign_in(world.owner).get(f"/w/acme/requests/{proxy.record.id}").text
    assert "web-search: 2 sources" in page and "which called code-exec: 7 tokens in, 3 out" in page
    assert "Waiting for the plugins" in page
