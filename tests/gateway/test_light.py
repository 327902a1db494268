"""Light mode's doors: advice before the client's own call, and the report after it (K9, K10, K20, K21)."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.services import policies, projects
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.upstream import Upstream
from tests.world import World

ADVICE, REQUESTS = "/runtime/light/advice", "/runtime/light/requests"
MODEL, CHEAP = "openai/gpt-4o", "openai/gpt-4o-mini"
RULES = [
    {
        "label": "No trials",
        "when": {"trial_status": "EXPIRED"},
        "action": "BLOCK",
        "message": "Please upgrade.",
    },
    {"label": "Free users", "when": {"plan": "free"}, "action": "DOWNGRADE", "models": [CHEAP]},
    {"label": "Stand in", "when": {"region": "eu"}, "action": "FALLBACK", "models": [CHEAP]},
    {
        "label": "Far away",
        "when": {"country": "nz"},
        "action": "DOWNGRADE",
        "models": ["groq/llama-3.3-70b-versatile"],
    },
]
WHO = {"userId": "user_123", "policyKey": "Support_Chat"}
ASKED = {**WHO, "requestedProvider": "OPENAI", "requestedModel": "gpt-4o"}


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    made = make_proxy(world.acme, upstream, client)
    where = SYSTEM, world.acme.workspace.id, world.acme.project.id
    projects.update(*where, {"surfaces": ["proxy", "light"]})
    policies.create(*where, {"key": "support_chat", "rules": RULES})
    return made


def advice(proxy: Proxy, **more: Any) -> dict[str, Any]:
    response = proxy.post(ADVICE, {**ASKED, **more})
    assert response.status_code == 200, response.get_json()
    return response.get_json()  # type: ignore[no-any-return]


def test_advice_without_a_rule(proxy: Proxy) -> None:
    told = advice(proxy)
    assert told["action"] == "ALLOW"
