"""The exact cache: the same request of the same project is answered once more for nothing (A17, A29)."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.database import database
from app.domain.actors import SYSTEM
from app.extensions import redis
from app.models import Project
from app.services import answer_cache, keys, providers, stamps
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.money import USD, account_of, make_prepaid, mistakes
from tests.providers_world import set_price
from tests.upstream import Upstream
from tests.upstream_replies import openai_completion, openai_stream
from tests.world import World

INDEX = "sluice:answer-index:"
URL = "/v1/chat/completions"
ASK: dict[str, Any] = {"model": "openai/gpt-x", "messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    made = make_proxy(world.acme, upstream, client)
    set_price(world.acme, "openai/gpt-x", input_usd_per_million="1", output_usd_per_million="10")
    return made


def remember(proxy: Proxy, seconds: int) -> None:
    """Let the project keep its answers."""

    def work(session: Any) -> None:
        session.get_one(Project, proxy.tenant.project.id).gateway = {"cache_seconds": seconds}

    database.transaction(work)
    stamps.renew(proxy.tenant.workspace.id)


def ask(proxy: Proxy, mode: str = "", **body: Any) -> tuple[Any, str | None]:
    """Return the answer and what it says of the cache."""
    response = proxy.post(URL, {**ASK, **body}, **({"x_cache": mode} if mode else {}))
    assert response.status_code == 200, response.get_json()
    assert response.headers.get("x-cache") == response.headers.get("x-sluice-cache")
    return response, response.headers.get("x-cache")


def test_the_same_request_is_answered_once_more_for_nothing(proxy: Proxy) -> None:
    make_prepaid(proxy.tenant, USD)
    remember(proxy, 60)
    first, missed = ask(proxy)
    second, hit = ask(proxy)
    assert (missed, hit) == ("miss", "hit")
    assert second.get_json()["choices"] == first.get_json()["choices"]
    assert second.get_json()["usage"]["total_tokens"] == 0 and len(proxy.upstream.requests) == 1
    row = proxy.record
    assert (row.cached, row.cost_nano_usd, row.held_nano_usd, row.provider) == (True, 0, None, "openai")
    assert account_of(proxy.tenant).balance_nano_usd == USD - (7 * 1000 + 3 * 10_000)
    assert ask(proxy, temperature=0.5)[1] == "miss" and mistakes() == []


def test_a_stream_and_a_whole_answer_share_what_is_kept(proxy: Proxy) -> None:
    remember(proxy, 60)
    proxy.upstream.script("gpt-x", openai_stream("Hello ", "world"))
    assert ask(proxy, stream=True)[1] == "miss"
    whole, hit = ask(proxy)
    assert hit == "hit" and whole.get_json()["choices"][0]["message"]["content"] == "Hello world"
    streamed, hit = ask(proxy, stream=True)
    assert hit == "hit" and b"Hello world" in streamed.data and streamed.data.endswith(b"data: [DONE]\n\n")


def test_embeddings_are_kept_too(proxy: Proxy) -> None:
    body = {"model": "demo/demo-embedding", "input": "Hello", "encoding_format": "base64"}
    first, second = (proxy.post("/v1/embeddings", body, x_cache="force") for _ in range(2))
    assert [answer.headers["x-cache"] for answer in (first, second)] == ["miss", "hit"]
    assert first.get_json()["data"] == second.get_json()["data"] != []
    assert second.get_json()["usage"]["total_tokens"] == 0


def test_the_header_decides_beside_the_project(proxy: Proxy) -> None:
    assert [ask(proxy, mode)[1] for mode in ("", "auto", "force", "force", "skip")] == [
        None, None, "miss", "hit", None,
    ]  # fmt: skip
    refused = proxy.post(URL, ASK, x_cache="always")
    assert refused.status_code == 400 and "force" in refused.get_json()["error"]["message"]


def test_another_project_never_finds_it(proxy: Proxy, world: World, client: FlaskClient) -> None:
    other = make_proxy(world.other, proxy.upstream, client)
    assert ask(proxy, "force")[1] == "miss"
    assert ask(other, "force")[1] == "miss" and ask(proxy, "force")[1] == "hit"


def test_deleting_empties_the_own_project_alone(proxy: Proxy, world: World, client: FlaskClient) -> None:
    other = make_proxy(world.other, proxy.upstream, client)
    ask(proxy, "force"), ask(other, "force")
    answer = client.delete("/v1/cache", headers=proxy.tenant.headers)
    assert answer.get_json() == {"object": "cache", "deleted": True}
    assert ask(proxy, "force")[1] == "miss" and ask(other, "force")[1] == "hit"
    assert client.delete("/v1/cache").status_code == 401


def test_a_key_whose_rules_exclude_the_model_gets_nothing_of_it(proxy: Proxy, client: FlaskClient) -> None:
    assert ask(proxy, "force", model=["openai/gpt-x", "anthropic/claude-x"])[1] == "miss"
    tenant, rules = proxy.tenant, {"models": ["anthropic/*"]}
    fields = {"name": "narrow", "rules": rules}
    made = keys.create(SYSTEM, tenant.workspace.id, tenant.project.id, fields)
    body = {**ASK, "model": ["openai/gpt-x", "anthropic/claude-x"]}
    headers = {"Authorization": f"Bearer {made.secret}", "x-cache": "force"}
    answer = client.post(URL, json=body, headers=headers)
    assert answer.headers["x-cache"] == "miss" and answer.headers["x-sluice-provider"] == "anthropic"
    providers.update(SYSTEM, tenant.workspace.id, proxy.openai_id, {"active": False})
    answer, found = ask(proxy, "force", model=body["model"])  # now both have the same one model left
    assert found == "hit" and answer.headers["x-sluice-provider"] == "anthropic"


def test_the_oldest_answers_make_room(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_cache, "MOST_ANSWERS", 1)
    for temperature, found in ((0.1, "miss"), (0.2, "miss"), (0.2, "hit")):
        assert ask(proxy, "force", temperature=temperature)[1] == found
    assert redis.command("KEYS", "sluice:answer:*") == redis.command(
        "ZRANGE", INDEX + proxy.tenant.project.id, "0", "-1"
    )


def test_what_was_cut_by_a_limit_is_not_kept(proxy: Proxy) -> None:
    proxy.upstream.script("gpt-x", openai_stream("Hel", finish="length"))
    assert [ask(proxy, "force", stream=True)[1] for _ in range(2)] == ["miss", "miss"]


def test_a_call_with_an_idempotency_key_is_left_to_it(proxy: Proxy) -> None:
    first = proxy.post(URL, ASK, Idempotency_Key="one", x_cache="force")
    again = proxy.post(URL, ASK, Idempotency_Key="one", x_cache="force")
    assert again.headers["Idempotent-Replayed"] == "true" and again.data == first.data
    assert "x-cache" not in first.headers


def test_without_redis_there_is_no_cache_and_the_call_goes_on(proxy: Proxy) -> None:
    proxy.upstream.script("gpt-x", openai_completion("Hi"))
    assert ask(proxy, "force")[1] == "miss"
    redis.configure("redis://127.0.0.1:1/0")
    assert ask(proxy, "force")[1] is None and len(proxy.upstream.requests) == 2
