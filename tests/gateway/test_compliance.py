"""A public checker of answers finds nothing wrong through the gateway that it does not find directly."""

from __future__ import annotations

import os
from pathlib import Path

import llm_comply
import pytest
from flask import Flask
from llm_comply import ComplianceConfig, SpecLoader
from llm_comply import TestRunner as Checker
from llm_comply.tests import get_tests

from app import egress
from tests.gateway.test_parity_clients import CLAUDE, GPT, USAGE, sell
from tests.live import serving
from tests.simulator import command, simulating
from tests.world import World

pytestmark = pytest.mark.skipif(
    command() is None and "CI" not in os.environ, reason="bin/test installs the simulator"
)
CALL = {"id": "call_w", "name": "get_weather", "arguments": '{"location":"San Francisco"}'}
ANSWERS = {
    "weather in San Francisco": {"toolCalls": [CALL], "usage": USAGE},
    "": {"content": "Fine.", "usage": USAGE},
}
SCHEMAS = {
    "openai-chat": "openai_chat.json", "anthropic": "anthropic.json", "open-responses": "openresponses.json",
}  # fmt: skip
SPECS = Path(llm_comply.__file__).parent / "specs"


def complaints(url: str, key: str, model: str, form: str) -> dict[str, set[str]]:
    """Return what the checker finds wrong, by the id of its test."""
    config = ComplianceConfig(base_url=url, api_key=key, model=model)
    found = Checker(config, get_tests(form), SpecLoader(str(SPECS / SCHEMAS[form]))).run_all()
    assert found.results
    return {one.id: set(one.errors) for one in found.results if one.status.value == "failed"}


def test_the_gateway_adds_no_violation(
    app: Flask, world: World, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    key = world.acme.secret
    with simulating(tmp_path, ANSWERS) as port:
        egress.configure(private_upstreams=frozenset({("127.0.0.1", port)}))
        sell(world.acme, port)
        with serving(tmp_path, database_url, redis_url, PRIVATE_UPSTREAMS=f"127.0.0.1:{port}") as server:
            for form in SCHEMAS:
                own = CLAUDE if form == "anthropic" else GPT
                direct = complaints(f"http://127.0.0.1:{port}/v1", key, own, form)
                for model in (f"openai/{GPT}", f"anthropic/{CLAUDE}"):
                    through = complaints(f"{server.url}/v1", key, model, form)
                    added = {name: errors - direct.get(name, set()) for name, errors in through.items()}
                    assert not any(added.values()), (form, model, added)
