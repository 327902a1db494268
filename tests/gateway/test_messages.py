"""The Anthropic-shaped door with the stock Anthropic client: any model behind it, buffered and streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic as anthropic_sdk
import httpx2
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.money import USD, account_of, make_prepaid
from tests.providers_world import set_price
from tests.upstream import Upstream
from tests.upstream_replies import (
    SSE,
    Cut,
    Reply,
    anthropic_events,
    anthropic_message,
    data,
    error_reply,
    json_reply,
    openai_chunk,
    openai_completion,
    openai_events,
    text_block,
)
from tests.world import World

URL = "/v1/messages"
COUNT = "/v1/messages/count_tokens"
HI: list[Any] = [{"role": "user", "content": "Hi"}]
BODY: dict[str, Any] = {"model": "openai/up", "max_tokens": 40, "messages": HI}
MODELS = ["openai/up", "anthropic/claude-up"]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS: list[Any] = [{"name": "weather", "input_schema": SCHEMA}, {"name": "time", "input_schema": SCHEMA}]
ARGUMENTS = '{"city": "Kyōto",  "n": 1e3}'
SEARCH = {"type": "web_search_20250305", "name": "web_search"}


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    return make_proxy(world.acme, upstream, client)


@pytest.fixture
def sdk(proxy: Proxy, app: Flask) -> Iterator[Any]:
    """Anthropic's client, which reaches the application without a server between."""
    http = httpx2.Client(transport=httpx2.WSGITransport(app=app))
    options: Any = {"api_key": proxy.tenant.secret, "base_url": "http://t", "max_retries": 0}
    with anthropic_sdk.Anthropic(http_client=http, **options) as client:
        yield client


def two_tools(dialect: str) -> Reply:
    """Return a streamed answer that begins with a tool: one argument byte by byte, one tool without any."""
    if dialect == "anthropic":
        pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *ARGUMENTS)]
        first = {"type": "tool_use", "id": "call_1", "name": "weather", "input": {}}
        second = {"type": "tool_use", "id": "call_2", "name": "time", "input": {}}
        return Reply(list(anthropic_events((first, pieces), (second, []), stop="tool_use")), headers=SSE)
    named = {"type": "function", "function": {"name": "weather", "arguments": ""}}
    last = {"index": 1, "id": "call_2", "type": "function", "function": {"name": "time", "arguments": "{}"}}
    pieces = [{"index": 0, "function": {"arguments": piece}} for piece in ARGUMENTS]
    calls = [{"index": 0, "id": "call_1", **named}, *pieces, last]
    chunks = [openai_chunk({"tool_calls": [call]}) for call in calls] + [openai_chunk({}, "tool_calls")]
    return Reply([data(chunk) for chunk in chunks] + [data("[DONE]")], headers=SSE)


@pytest.mark.parametrize("model", MODELS)
def test_the_stock_client_gets_a_whole_message(proxy: Proxy, sdk: Any, model: str) -> None:
    answer = sdk.messages.create(
        model=model, max_tokens=40, system="Be kind.", messages=HI, stop_sequences=["X"]
    )
    assert (answer.content[0].text, answer.stop_reason, answer.model) == ("Hello there", "end_turn", model)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (7, 3)
    assert answer._request_id == proxy.record.id
    sent = proxy.upstream.requests[-1].json
    assert sent["max_tokens"] == 40 and not {"routing", "stream"} & sent.keys()
    assert (proxy.record.outcome, proxy.record.model_requested) == ("succeeded", model)


@pytest.mark.parametrize("model", MODELS)
def test_the_stock_client_streams(proxy: Proxy, sdk: Any, model: str) -> None:
    with sdk.messages.stream(model=model, max_tokens=40, messages=HI) as stream:
        assert "".join(stream.text_stream) == "Hello there"
        whole = stream.get_final_message()
    assert (whole.usage.input_tokens, whole.usage.output_tokens, whole.model) == (7, 3, model)
    assert (proxy.record.input_tokens, proxy.record.output_tokens, proxy.record.estimated) == (7, 3, False)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_tools_first_then_their_results(proxy: Proxy, sdk: Any, dialect: str) -> None:
    proxy.upstream.script("up", two_tools(dialect))
    asked: dict[str, Any] = {"model": f"{dialect}/up", "max_tokens": 40, "tools": TOOLS}
    with sdk.messages.stream(**asked, messages=HI) as stream:
        pieces = [event.partial_json for event in stream if event.type == "input_json"]
        whole = stream.get_final_message()
    assert "".join(pieces).removesuffix("{}") == ARGUMENTS
    uses = [(block.id, block.name, block.input) for block in whole.content]
    assert uses == [("call_1", "weather", json.loads(ARGUMENTS)), ("call_2", "time", {})]
    assert whole.stop_reason == "tool_use"
    reply = openai_completion("Sunny") if dialect == "openai" else anthropic_message("Sunny")
    proxy.upstream.script("up", reply)
    results = [{"type": "tool_result", "tool_use_id": f"call_{n}", "content": f"r{n}"} for n in (1, 2)]
    turns = [*HI, {"role": "assistant", "content": whole.content}, {"role": "user", "content": results}]
    assert sdk.messages.create(**asked, messages=turns).content[0].text == "Sunny"
    sent = proxy.upstream.requests[-1].json["messages"]
    if dialect == "anthropic":
        assert sent[-1]["content"] == results
    else:
        assert [message["role"] for message in sent] == ["user", "assistant", "tool", "tool"]
        assert json.loads(sent[1]["tool_calls"][0]["function"]["arguments"]) == json.loads(ARGUMENTS)


def test_a_providers_own_dialect_passes_untouched(proxy: Proxy) -> None:
    content = [
        {"type": "hologram", "data": "new"},
        {"type": "text", "text": "x", "citations": [{"type": "page_location", "cited_text": "y"}]},
    ]
    usage = {"input_tokens": 7, "output_tokens": 3, "server_tool_use": {"web_search_requests": 0}}
    proxy.upstream.script("claude-up", anthropic_message(content=content, stop="pause_turn", usage=usage))
    turns = [
        {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "GPT's", "signature": ""}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": "s"}]},
        {"role": "user", "content": [{"type": "from_the_future", "x": [1, {"y": None}]}]},
    ]
    asked = {
        "model": "anthropic/claude-up",
        "max_tokens": 40,
        "messages": turns,
        "tools": [SEARCH],
        "top_k": 3,
    }
    own = {"routing": {"policy": "lowest_cost"}}
    response = proxy.post(URL, asked | own, anthropic_beta="some-beta")
    answer = response.get_json()
    assert answer["content"] == content and answer["stop_reason"] == "pause_turn" and answer["usage"] == usage
    assert answer["id"] == "msg_1" and answer["model"] == "anthropic/claude-up"
    got = proxy.upstream.requests[-1]
    turns.pop(1)  # what another model thought would be refused
    assert got.json == asked | {"model": "claude-up"} and got.headers["anthropic-beta"] == "some-beta"
    block = ({"type": "hologram"}, [{"type": "hologram_delta", "x": 1}])
    proxy.upstream.script("claude-up", Reply(list(anthropic_events(block)), headers=SSE))
    text = proxy.post(URL, asked | {"stream": True}).text
    assert (
        '"hologram_delta"' in text
        and text.count("event: ") == 7
        and text.endswith('{"type":"message_stop"}\n\n')
    )


def test_what_another_dialect_does_not_know_is_dropped_and_named(proxy: Proxy) -> None:
    tools = [SEARCH, {**TOOLS[0], "cache_control": {"type": "ephemeral"}}]
    choice = {"type": "tool", "name": "web_search"}
    response = proxy.post(
        URL, BODY | {"top_k": 5, "tools": tools, "tool_choice": choice, "context_management": {"x": 1}}
    )
    assert response.status_code == 200
    for name in ("top_k", "context_management", "web_search_20250305"):
        assert name in response.headers["x-sluice-warning"]
    sent = proxy.upstream.requests[-1].json
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["weather"]
    assert not {"top_k", "context_management", "tool_choice"} & sent.keys() and "cache_control" not in str(
        sent
    )


def test_tokens_are_counted_for_free(proxy: Proxy, sdk: Any) -> None:
    words = "One two three four five six seven eight."
    asked: Any = {"messages": [{"role": "user", "content": words}], "system": "Be kind."}
    assert 10 < sdk.messages.count_tokens(model="openai/up", **asked).input_tokens < 40
    assert proxy.upstream.requests == []
    assert (proxy.record.outcome, proxy.record.cost_nano_usd, proxy.record.input_tokens) == (
        "succeeded",
        0,
        0,
    )
    proxy.upstream.script("claude-up", json_reply({"input_tokens": 1234}), error_reply(500))
    ask = {"model": "anthropic/claude-up", **asked}
    assert sdk.messages.count_tokens(**ask).input_tokens == 1234
    assert proxy.upstream.requests[-1].path == "/v1/messages/count_tokens"
    assert proxy.upstream.requests[-1].json == ask | {"model": "claude-up"}
    assert proxy.post("/anthropic/v1/messages/count_tokens", ask).get_json()["input_tokens"] < 40
    proxy.upstream.script(
        "claude-up", json_reply({"type": "error", "error": {"type": "not_found_error"}}, 404)
    )
    assert proxy.post(COUNT, ask).status_code == 404


@pytest.mark.parametrize("path", [URL, "/anthropic/v1/messages"])
def test_every_error_is_in_anthropics_shape(proxy: Proxy, path: str) -> None:
    def error(response: Any) -> tuple[int, str]:
        body = response.get_json()
        assert body["type"] == "error" and body["error"]["message"]
        assert body["request_id"] == response.headers["request-id"] == response.headers["x-sluice-request-id"]
        return response.status_code, body["error"]["type"]

    nobody = {"headers": {"x-api-key": "sk-sluice-nobody-nobody-nobody"}}
    assert error(proxy.client.post(path, json=BODY, **nobody)) == (401, "authentication_error")
    assert error(proxy.client.get(path)) == (405, "invalid_request_error")
    assert error(proxy.post(f"{path}/batches", BODY)) == (404, "not_found_error")
    assert error(proxy.post(path, b"{")) == (400, "invalid_request_error")
    assert error(proxy.post(path, BODY | {"model": "none"})) == (404, "not_found_error")
    missing = proxy.post(path, {"model": "openai/up", "messages": HI})
    assert error(missing) == (400, "invalid_request_error")
    assert missing.get_json()["error"]["message"] == "max_tokens: Field required"
    large = proxy.post(path, b'{"x":"' + b"x" * (10 << 20) + b'"}')
    assert error(large) == (413, "request_too_large")
    proxy.upstream.script("up", error_reply(422, "Too odd."))
    assert error(proxy.post(path, BODY)) == (400, "invalid_request_error")


def test_the_client_raises_its_own_errors_and_is_told_when_to_try_again(proxy: Proxy, sdk: Any) -> None:
    wrong = sdk.with_options(api_key="sk-sluice-unknown-unknown-unknown")
    with pytest.raises(anthropic_sdk.AuthenticationError):
        wrong.messages.create(**BODY)
    proxy.upstream.script("up", error_reply(429, Retry_After="7"))
    with pytest.raises(anthropic_sdk.RateLimitError) as limited:
        sdk.messages.create(**BODY)
    assert limited.value.response.headers["x-should-retry"] == "false"  # both credentials were tried
    proxy.upstream.script("claude-up", error_reply(500))
    with pytest.raises(anthropic_sdk.InternalServerError) as failed:
        sdk.messages.create(**BODY | {"model": "anthropic/claude-up"})
    assert "x-should-retry" not in failed.value.response.headers  # there was one attempt


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_a_stream_that_breaks_off_ends_with_an_error_event(proxy: Proxy, sdk: Any, dialect: str) -> None:
    begun = openai_events("Hel", done=False, finish=None, usage=None)
    events = begun if dialect == "openai" else list(anthropic_events(text_block("Hel"), last=False))[:5]
    proxy.upstream.script("up", Reply([*events, Cut], headers=SSE))
    asked = BODY | {"model": f"{dialect}/up", "stream": True}
    last = proxy.post(URL, asked).text.strip().split("\n\n")[-1]
    assert last.startswith('event: error\ndata: {"type":"error","error":{"type":"api_error"')
    assert json.loads(last.partition("data: ")[2])["request_id"] == proxy.record.id
    assert proxy.record.outcome == "cut"
    with pytest.raises(anthropic_sdk.APIStatusError, match="cut off"):
        list(sdk.messages.create(**asked))


def test_money_covers_the_body_that_goes_out(proxy: Proxy) -> None:
    for model in MODELS:
        set_price(proxy.tenant, model, input_usd_per_million="1", output_usd_per_million="10")
    make_prepaid(proxy.tenant, USD)
    body = BODY | {"model": "anthropic/claude-up"}
    for priced in ({"tools": [SEARCH]}, {"mcp_servers": [{"url": "https://x"}]}, {"speed": "fast"}):
        refused = proxy.post(URL, body | priced)
        assert refused.status_code == 400 and "price of its own" in refused.text, priced
    assert proxy.post(URL, body | {"container": "cnt_1"}).status_code == 400
    hidden = {"type": "from_the_future", "text": "x" * 5_000}
    server = {"type": "web_search_tool_result", "content": "y" * 5_000}
    turns = [*HI, {"role": "assistant", "content": [server]}, {"role": "user", "content": [hidden]}]
    response = proxy.post(URL, body | {"messages": turns})
    assert response.status_code == 200
    assert proxy.record.held_nano_usd >= 10_000 * 1000 + 40 * 10_000
    assert account_of(proxy.tenant).balance_nano_usd == USD - 7 * 1000 - 3 * 10_000


def test_an_empty_account_is_told_so(proxy: Proxy) -> None:
    set_price(proxy.tenant, "openai/up", input_usd_per_million="1", output_usd_per_million="10")
    make_prepaid(proxy.tenant, 1000)
    empty = proxy.post(URL, BODY)
    assert (empty.status_code, empty.get_json()["error"]["type"]) == (402, "billing_error")
    assert empty.headers["x-should-retry"] == "false"


def test_the_cache_gives_back_only_what_it_can_give_whole(proxy: Proxy) -> None:
    def ask(**fields: Any) -> tuple[Any, Any]:
        response = proxy.post(URL, BODY | {"model": "anthropic/claude-up"} | fields, x_cache="force")
        return response.headers["x-cache"], response.get_json()

    assert ask()[0] == "miss"
    state, again = ask()
    assert state == "hit" and again["content"] == [{"type": "text", "text": "Hello there"}]
    assert again["usage"]["output_tokens"] == 0
    assert ask(context_management={"edits": []})[0] == "miss"
    proxy.upstream.script("claude-up", anthropic_message(content=[{"type": "hologram"}]))
    assert [ask(system="Else.")[0] for _ in range(2)] == ["miss", "miss"]
