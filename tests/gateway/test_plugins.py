"""Plugins at the door to every model: who may use them, what they add, and what they cost (R2, R5, O50)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.plugins import pdf_reader
from app.services import billing, plans, plugin_settings
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.gateway.plugin_world import (
    ASK,
    MODEL,
    PAGES,
    SEARCH,
    URL,
    URL_OF_A_STRANGER,
    ask,
    asked_models,
    set_up,
    stream_events,
)
from tests.money import make_prepaid
from tests.providers_world import set_price
from tests.upstream import Upstream
from tests.upstream_replies import (
    error_reply,
    json_reply,
    openai_completion,
    openai_stream,
)
from tests.world import World


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    return make_proxy(world.acme, upstream, client)


def test_a_web_search_comes_before_the_conversation_and_the_answer_names_its_sources(proxy: Proxy) -> None:
    set_up(proxy, "web-search")
    proxy.upstream.script(SEARCH, json_reply(PAGES))
    proxy.upstream.script("up-model", openai_completion("A gateway [1]."))
    body = ask(proxy, "web-search").get_json()
    first, last = asked_models(proxy)[0]["messages"]
    assert first["role"] == "system" and "[1] Sluice" in first["content"] and "[2] Weirs" in first["content"]
    assert last == ASK[0] and "plugins" not in asked_models(proxy)[0]
    cited = {"start_index": 10, "end_index": 13, "url": "https://sluice.example/", "title": "Sluice"}
    message = body["choices"][0]["message"]
    assert message["annotations"] == [{"type": "url_citation", "url_citation": cited}]
    assert body["sluice"]["plugins"][0]["sources"][1]["url"] == "https://weirs.example/"
    assert [extra["kind"] for extra in proxy.record.extras] == ["plugin"]
    assert proxy.record.steps["plugins"] > 0


def test_streams_carry_the_citations_too(proxy: Proxy) -> None:
    set_up(proxy, "web-search")
    proxy.upstream.script(SEARCH, json_reply(PAGES))
    proxy.upstream.script("up-model", openai_stream("Gates ", "[2]"))
    events = stream_events(ask(proxy, "web-search", stream=True))
    found = [c["delta"]["annotations"] for e in events for c in e["choices"] if "annotations" in c["delta"]]
    assert [each[0]["url_citation"]["url"] for each in found] == ["https://weirs.example/"]
    assert events[-1]["sluice"]["plugins"][0]["plugin"] == "web-search"


def test_a_search_that_fails_leaves_the_answer_and_says_so(proxy: Proxy) -> None:
    set_up(proxy, "web-search")
    proxy.upstream.script(SEARCH, error_reply(403))
    response = ask(proxy, "web-search")
    assert response.status_code == 200
    assert len(asked_models(proxy)[0]["messages"]) == 1
    assert response.get_json()["sluice"]["plugins"][0]["state"] == "failed"
    assert "web-search" in response.headers["x-sluice-warning"]
    assert "web-search" in proxy.record.warnings[0]


@pytest.mark.parametrize(
    ("plugins", "status", "code", "words"),
    [
        (["telepathy"], 400, "invalid_request", "web-search, gutenberg, code-exec"),
        ("web-search", 400, "invalid_request", "list"),
        (["gutenberg"], 400, "plugin_not_available", "An admin"),
        (["code-exec"], 400, "plugin_not_available", "SLUICE_CODE_RUNNER"),
    ],
)
def test_what_cannot_be_had_is_refused_before_anybody_is_asked(
    proxy: Proxy, plugins: Any, status: int, code: str, words: str
) -> None:
    response = proxy.post(URL, {"model": MODEL, "messages": ASK, "plugins": plugins})
    error = response.get_json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, "plugins")
    assert words in error["message"]
    assert proxy.upstream.requests == []


def test_a_plan_without_the_plugin_answers_403_in_the_seeds_own_words(proxy: Proxy) -> None:
    set_up(proxy, "memory")
    plans.create(SYSTEM, {"slug": "tiny", "plugins": ["web-search"]})
    billing.update(SYSTEM, proxy.tenant.workspace.id, {"plan": "tiny"})
    response = ask(proxy, "memory", user="ann")
    assert response.status_code == 403
    assert response.get_json()["error"]["code"] == "PLUGIN_REQUIRES_PAID"
    assert proxy.upstream.requests == []
    as_message = {"model": MODEL, "max_tokens": 5, "messages": ASK, "plugins": ["memory"]}
    refused = proxy.post("/v1/messages", as_message)
    assert refused.status_code == 403 and "PLUGIN_REQUIRES_PAID" in refused.get_json()["error"]["message"]


def test_switching_a_plugin_on_and_off_works_at_once(proxy: Proxy) -> None:
    assert ask(proxy, "memory", user="ann").status_code == 400
    set_up(proxy, "memory")
    assert ask(proxy, "memory", user="ann").status_code == 200
    plugin_settings.set_up(SYSTEM, proxy.tenant.workspace.id, "memory", {"active": False})
    assert ask(proxy, "memory", user="ann").get_json()["error"]["code"] == "plugin_not_available"


def test_a_user_is_remembered_by_project_and_forgotten_on_request(proxy: Proxy, world: World) -> None:
    set_up(proxy, "memory")
    told = [{"role": "user", "content": "Hello! My name is Ann. What can you do?"}]
    assert proxy.post(URL, {"model": MODEL, "messages": told, "plugins": ["memory"]}).status_code == 400
    ask(proxy, "memory", user="ann", messages=told)
    ask(proxy, "memory", user="ann")
    ask(proxy, "memory", user="bob")
    anns, bobs = asked_models(proxy)[1:]
    assert "My name is Ann." in anns["messages"][0]["content"]
    assert bobs["messages"] == ASK
    listed = proxy.get("/v1/memories?user=ann").get_json()
    assert [each["content"] for each in listed["data"]] == ["My name is Ann."]
    assert proxy.client.get("/v1/memories?user=ann", headers=world.other.headers).status_code in (200, 400)
    erased = proxy.client.delete("/v1/memories?user=ann", headers=proxy.tenant.headers)
    assert erased.get_json() == {"object": "memories.deleted", "user": "ann", "deleted": 1}
    assert proxy.get("/v1/memories?user=ann").get_json()["data"] == []


def test_plugins_work_in_the_other_dialects(proxy: Proxy) -> None:
    set_up(proxy, "web-search")
    proxy.upstream.script(SEARCH, json_reply(PAGES))
    asking = {"model": MODEL, "plugins": ["web-search"]}
    assert proxy.post("/v1/messages", {**asking, "max_tokens": 9, "messages": ASK}).status_code == 200
    assert proxy.post("/v1/responses", {**asking, "input": "What is Sluice?"}).status_code == 200
    endpoint = f"/api/{proxy.tenant.project.id}/v1/chat/completions"
    assert proxy.post(endpoint, {**asking, "model": "hello", "messages": ASK}).status_code == 200
    for sent in asked_models(proxy):
        assert "[1] Sluice" in json.dumps(sent["messages"][0])
    assert len([r for r in proxy.upstream.requests if r.path.startswith("/search")]) == 3


def test_a_pdf_becomes_text_before_it_reaches_the_model(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(proxy, "pdf-reader")
    make_prepaid(proxy.tenant, 10_000_000_000)
    set_price(proxy.tenant, MODEL, input_usd_per_million="1", output_usd_per_million="10")
    monkeypatch.setattr(pdf_reader, "read", lambda data, *_: f"{len(data)} bytes of text")
    data = "data:application/pdf;base64," + base64.b64encode(b"%PDF-" + bytes(2_000_000)).decode()
    parts = [
        {"type": "text", "text": "Read this."},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": data}},
        {"type": "file", "file": {"filename": "b.pdf", "file_data": f"{URL_OF_A_STRANGER}/b.pdf"}},
    ]
    asking = [{"role": "user", "content": parts}]
    assert ask(proxy, "pdf-reader", messages=asking, max_tokens=9).status_code == 200
    texts = [part["text"] for part in asked_models(proxy)[0]["messages"][0]["content"]]
    assert texts == ["Read this.", "[a.pdf]\n2000005 bytes of text", "[b.pdf: not readable]"]
    assert proxy.record.held_nano_usd < 100_000_000  # the text is held for, not the file
    assert "could not be reached" in proxy.record.warnings[0]
