"""Playground: a person's chat with any model of a project, without a key."""

from __future__ import annotations

from app.domain.actors import SYSTEM
from app.services import projects, providers
from tests.providers_world import records

HI = {"model": "demo/demo-fast", "messages": [{"role": "user", "content": "Hi"}]}


def url(tenant, more: str = "") -> str:
    return f"/w/{tenant.workspace.slug}/playground/{tenant.project.id}{more}"


def test_the_page_offers_every_ready_model_and_posts_to_its_project(world, sign_in):
    page = sign_in(world.teammate).get(url(world.acme)).text
    assert 'value="auto"' in page and 'value="demo/demo-fast"' in page
    assert f'action="{url(world.acme, "/chat")}"' in page and "/v1" in page


def test_any_model_answers_a_person_and_the_call_is_recorded_as_theirs(world, sign_in):
    client = sign_in(world.teammate)
    answer = client.post(url(world.acme, "/chat"), json={**HI, "stream": True})
    assert answer.status_code == 200 and answer.text.endswith("data: [DONE]\n\n")
    row = records()[0]
    assert (row.source, row.caller_label, row.key_id) == ("dashboard", world.teammate.email, None)
    assert row.id == answer.headers["X-Sluice-Request-Id"]
    whole = client.post(url(world.acme, "/chat"), json=HI)
    assert whole.get_json()["choices"][0]["message"]["content"]
    wrong = client.post(url(world.acme, "/chat"), json={**HI, "model": "none"})
    assert wrong.status_code == 404 and wrong.get_json()["error"]["code"] == "model_not_found"


def test_viewers_and_strangers_cannot_spend(world, client, sign_in):
    viewer = sign_in(world.viewer)
    assert "Your role may look" in viewer.get(url(world.acme)).text
    assert viewer.post(url(world.acme, "/chat"), json=HI).status_code == 403
    assert sign_in(world.stranger).post(url(world.acme, "/chat"), json=HI).status_code == 404
    foreign = f"/w/{world.acme.workspace.slug}/playground/{world.other.project.id}"
    assert sign_in(world.owner).post(f"{foreign}/chat", json=HI).status_code == 404
    assert client.post(url(world.acme, "/chat"), json=HI).status_code == 303
    assert records() == []


def test_it_says_what_is_missing(world, sign_in):
    client, tenant = sign_in(world.owner), world.acme
    providers.update(SYSTEM, tenant.workspace.id, tenant.provider.id, {"active": False})
    assert "No model is ready" in client.get(url(tenant)).text
    projects.update(SYSTEM, tenant.workspace.id, tenant.project.id, {"active": False})
    assert "switched off" in client.get(url(tenant)).text
    assert "No project yet" in client.get(f"/w/{tenant.workspace.slug}/playground").text
