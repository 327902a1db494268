"""A project's own OpenAI address, asked by OpenAI's stock client (P28)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from flask import Flask

from app.domain.actors import SYSTEM
from app.services import aliases, endpoints, projects
from tests.providers_world import add_endpoint, add_provider, records
from tests.upstream import Upstream
from tests.upstream_replies import openai_stream
from tests.world import World

HI: Any = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def client(app: Flask, world: World) -> Iterator[openai.OpenAI]:
    base = f"http://gateway.test/api/{world.acme.project.id}/v1"
    with httpx.Client(transport=httpx.WSGITransport(app=app)) as http:
        yield openai.OpenAI(base_url=base, api_key=world.acme.secret, http_client=http, max_retries=0)


@pytest.fixture
def up(world: World, upstream: Upstream) -> Upstream:
    add_provider(world.acme, upstream, "up")
    preset = {"prompt": "Be brief.", "temperature": 0.2, "max_output_tokens": 50}
    aliases.create(SYSTEM, world.acme.workspace.id, {"name": "fast", "models": ["up/small"], **preset})
    return upstream


def test_a_slug_is_a_model_and_the_answer_names_who_answered(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="hello", messages=HI)
    assert answer.model == "demo-fast" and answer.choices[0].message.content
    assert answer.usage is not None and answer.usage.total_tokens > 0
    assert [model.id for model in client.models.list()] == ["hello"]


def test_a_stream_is_one(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="hello", messages=HI, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert chunks[-1].usage is not None and {chunk.model for chunk in chunks} == {"demo-fast"}


def test_an_alias_brings_its_preset_and_the_clients_value_wins(
    client: openai.OpenAI, world: World, up: Upstream
) -> None:
    up.script("small", openai_stream("Hello"))
    stream = client.chat.completions.create(
        model="fast", messages=HI, temperature=0.9, stream=True, stream_options={"include_usage": True}
    )
    assert list(stream)[-1].choices == []
    sent = up.requests[-1].json
    assert (sent["temperature"], sent["max_tokens"]) == (0.9, 50)
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    answer = client.chat.completions.create(model="hello", messages=HI)
    assert answer.model == "demo-fast"
    assert [model.id for model in client.models.list()] == ["hello", "fast"]


def test_a_model_with_its_provider_is_one_only_where_the_project_serves_calls_by_model(
    client: openai.OpenAI, world: World, up: Upstream
) -> None:
    for name in ("up/small", "up:small", "auto", "nope"):
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(model=name, messages=HI)
        assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    surfaces = {"surfaces": ["endpoints", "proxy"]}
    projects.update(SYSTEM, world.acme.workspace.id, world.acme.project.id, surfaces)
    for name in ("up/small", "up:small"):
        assert client.chat.completions.create(model=name, messages=HI).choices
        assert records()[-1].model_answered == "up-model"


def test_refusals_are_of_the_clients_own_kinds(client: openai.OpenAI, world: World, up: Upstream) -> None:
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="sk-nobody-knows-this-key").chat.completions.create(
            model="hello", messages=HI
        )
    add_endpoint(world.acme, "narrow", "up/small", limits={"requests_per_minute": 1})
    client.chat.completions.create(model="narrow", messages=HI)
    with pytest.raises(openai.RateLimitError) as limited:
        client.chat.completions.create(model="narrow", messages=HI)
    assert int(limited.value.response.headers["retry-after"]) >= 1
    rule = {"guardrails": {"keywords": {"words": ["forbidden"], "action": "block"}}}
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, rule)
    with pytest.raises(openai.UnprocessableEntityError) as blocked:
        client.chat.completions.create(model="hello", messages=[{"role": "user", "content": "forbidden"}])
    assert blocked.value.code == "guardrail_blocked" and "forbidden" not in str(blocked.value)
