"""The Routing page: who would answer a prompt, before anybody is asked; and how a project chooses."""

from __future__ import annotations

import pytest

from app.domain.actors import SYSTEM
from app.services import audit, projects
from tests.providers_world import add_provider, records
from tests.world import actor_of


@pytest.fixture
def routing(world, sign_in, upstream):
    add_provider(world.acme, upstream, "openai")
    add_provider(world.acme, upstream, "anthropic", dialect="anthropic")
    return sign_in(world.teammate), f"/w/acme/routing/{world.acme.project.id}"


def test_a_prompt_shows_the_kind_the_candidates_and_the_winner_and_asks_nobody(routing, upstream):
    client, url = routing
    typed = {"message": "Prove that there are infinitely many primes", "policy": "", "tools": "1"}
    html = client.post(f"{url}/try", data=typed).text
    assert "anthropic/claude-haiku-5-5 would answer" in html and "Taken for reasoning" in html
    assert "it says “prove”" in html and "Stands in" in html and "were excluded" in html
    assert "Prove that there are infinitely many primes" in html
    assert not upstream.requests and not records()


def test_htmx_gets_the_answer_alone(routing):
    client, url = routing
    wish = {"message": "Hi", "zdr": "1", "no_training": "1"}
    html = client.post(f"{url}/try", data=wish, headers={"HX-Request": "true"}).text
    assert html.strip().startswith('<div id="tried"') and "<html" not in html
    assert "Nobody could answer this" in html and "without zero data retention" in html
    refused = client.post(f"{url}/try", data={"message": " "}, headers={"HX-Request": "true"})
    assert refused.status_code == 422 and "Write a request first." in refused.text


def test_the_settings_are_kept_and_told(routing, world):
    client, url = routing
    typed = {
        "baseline_model": "openai/gpt-4o",
        "min_quality": "70",
        "cache_seconds": "60",
        "guard_passthrough": "1",
    }
    assert client.post(url, data=typed).status_code == 303
    project = projects.find(SYSTEM, world.acme.workspace.id, world.acme.project.id)
    assert project.gateway == {
        "baseline_model": "openai/gpt-4o",
        "min_quality": 70,
        "siblings": False,
        "byok_fallback": False,
        "guard_passthrough": True,
        "cache_seconds": 60,
    }
    assert audit.list_events(actor_of(world.owner), world.acme.workspace.id)[0].action == "project.change"
    html = client.post(f"{url}/try", data={"message": "Hi"}).text
    assert "quality of 70" in html and "measured against openai/gpt-4o" in html


def test_wrong_settings_come_back_with_their_words(routing):
    client, url = routing
    response = client.post(url, data={"min_quality": "101", "baseline_model": "x", "cache_seconds": "60"})
    assert response.status_code == 422
    assert "Must be a whole number from 0 to 100." in response.text and 'value="60"' in response.text


def test_a_viewer_looks_at_the_settings_and_savings_only(world, sign_in):
    html = sign_in(world.viewer).get("/w/acme/routing").text
    assert "Saved this month" in html and "Try a prompt" not in html and "min_quality" not in html
