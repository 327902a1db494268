"""Light mode in the dashboard: a project's addresses and code, and what reported calls look like."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.models import User
from app.services import policies, projects
from tests.world import World

SignIn = Callable[[User], FlaskClient]
REPORT = {
    "userId": "user_123",
    "policyKey": "support_chat",
    "planKey": "free",
    "requestedProvider": "OPENAI",
    "requestedModel": "gpt-4o",
    "promptTokens": 12_345,
    "completionTokens": 100,
    "costUsd": "0.0123",
    "latencyMs": 850,
    "policyVersion": 9,
    "tags": ["web"],
}
RULES = [{"label": "Free", "when": {"plan": "free"}, "action": "DOWNGRADE", "models": ["openai/gpt-4o-mini"]}]


@pytest.fixture
def reported(world: World, client: FlaskClient) -> str:
    """The id of a reported call."""
    where = SYSTEM, world.acme.workspace.id, world.acme.project.id
    projects.update(*where, {"surfaces": ["light"]})
    policies.create(*where, {"key": "support_chat", "rules": RULES})
    answer = client.post("/runtime/light/requests", json=REPORT, headers=world.acme.headers)
    return str(answer.get_json()["id"])


def test_a_reported_call_is_told_from_those_that_were_metered(
    reported: str, world: World, sign_in: SignIn
) -> None:
    viewer = sign_in(world.viewer)
    listed = viewer.get("/w/acme/requests?source=reported").text
    assert "reported by the client" in listed and "12,345 → 100" in listed and "$0.0123" in listed
    page = viewer.get(f"/w/acme/requests/{reported}").text
    for words in (
        "Reported by the client",
        "nothing of it is charged",
        "Free",
        "850 ms",
        "12,445",
        "$0.0123",
    ):
        assert words in page
    assert "The client says version 9 of the policy; now it is 1." in page and "Ask again" not in page
    assert sign_in(world.stranger).get(f"/w/acme/requests/{reported}").status_code == 404
    assert reported not in viewer.get("/w/acme/requests?source=api").text
    (line,) = csv.DictReader(io.StringIO(viewer.get("/w/acme/requests/export.csv").text))
    metered = ("cost_usd", "input_tokens", "duration_ms", "policy_version")
    assert [line[name] for name in metered] == ["0.00", "0", "0", "1"]
    said = {"input_tokens": "12345", "total_tokens": "12445", "cost_usd": "0.0123", "latency_ms": "850"}
    said |= {"policy_version": "9", "tags": "web", "arm": "", "catalog_usd": "0.00191175"}
    assert {name: line[f"reported_{name}"] for name in said} == said


def test_a_project_shows_how_it_is_used(reported: str, world: World, sign_in: SignIn) -> None:
    page = sign_in(world.viewer).get(f"/w/acme/projects/{world.acme.project.id}").text
    assert "/runtime/light/advice" in page and "support_chat" in page and "KAGU_PROJECT_API_KEY" in page
    assert "has none yet" not in page and "by advice" in page
    docs = sign_in(world.viewer).get("/docs").text
    assert 'id="light"' in docs and "economy below 70" in docs
