"""The proxy's samples: real addresses, well-formed, and no key in them."""

from __future__ import annotations

import json
import re

import pytest

from app.domain.proxy_snippets import Route, anthropic_script, door_snippets, snippets

ROUTES = [
    Route("https://ai.example.com", "openai", "openai", "gpt-x"),
    Route("https://ai.example.com", "claude", "anthropic", "claude-x"),
]


@pytest.mark.parametrize("route", ROUTES)
def test_each_sample_calls_the_providers_address_with_the_key_of_the_environment(route: Route) -> None:
    samples = snippets(route)
    assert [sample.id for sample in samples] in (["openai", "langchain", "curl"], ["anthropic", "curl"])
    for sample in samples:
        assert f"https://ai.example.com/v1/{route.slug}" in sample.code
        assert route.model in sample.code and "SLUICE_KEY" in sample.code
        if sample.id != "curl":
            compile(sample.code, sample.id, "exec")


@pytest.mark.parametrize("route", ROUTES)
def test_what_curl_sends_is_json(route: Route) -> None:
    body = json.loads(re.search(r"-d '(.*)'", snippets(route)[-1].code, re.DOTALL)[1])  # type: ignore[index]
    assert body["stream"] is True and body["model"] == route.model


def test_the_one_door_is_called_with_every_sdk_and_leaves_the_choice_open() -> None:
    samples = {sample.id: sample.code for sample in door_snippets("https://ai.example.com")}
    assert list(samples) == ["openai", "langchain", "anthropic", "curl"]
    assert 'base_url="https://ai.example.com/v1"' in samples["openai"]
    assert 'base_url="https://ai.example.com"' in samples["anthropic"]
    assert '"https://ai.example.com/v1/chat/completions"' in samples["curl"]
    assert all("auto" in code for code in samples.values())


def test_anthropics_sdk_reaches_every_model_at_the_gateways_own_address() -> None:
    code = anthropic_script("https://ai.example.com", "openai/gpt-x")
    compile(code, "anthropic", "exec")
    assert 'base_url="https://ai.example.com"' in code and 'model="openai/gpt-x"' in code
