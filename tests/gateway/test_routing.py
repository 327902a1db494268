"""Automatic routing through the door: who answers, what is excluded, what it saves, and what is told of it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.upstream import Upstream
from tests.world import World

URL = "/v1/chat/completions"
HI = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    return make_proxy(world.acme, upstream, client)


def test_auto_is_answered_by_the_cheapest_model_that_is_good_enough_and_says_why(proxy: Proxy) -> None:
    response = proxy.post(URL, {"model": "auto", "messages": HI, "max_tokens": 50})
    body = response.get_json()
    assert response.status_code == 200, body
    record = proxy.record
    assert record.provider == "openai" and record.model_requested == "auto"
    assert record.routing["chain"][0] == "openai/gpt-5-nano"
    assert record.routing["classification"]["category"] == "chat"
    assert record.savings_nano_usd is not None and record.savings_nano_usd > 0
