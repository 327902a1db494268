"""Plugins in the dashboard: cards, forms, the test button, and what is remembered of users."""

from __future__ import annotations

from typing import Any

import pytest

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.ids import new_id
from app.models import Memory
from app.services import plugin_settings
from tests.upstream_replies import json_reply

PAGE = "/w/acme/plugins"
FORM = {"url": "https://search.example.com/", "secret": "a-search-secret-1", "results": "3", "active": "1"}


@pytest.fixture
def admin(world: Any, sign_in: Any) -> Any:
    return sign_in(world.admin)


def remember(tenant: Any, user: str, *texts: str) -> None:
    owner = {"workspace_id": tenant.workspace.id, "project_id": tenant.project.id, "end_user": user}
    rows = [Memory(id=new_id(), **owner, content=text) for text in texts]
    database.transaction(lambda session: session.add_all(rows))


def test_every_plugin_is_shown_with_what_it_does(admin: Any, world: Any, sign_in: Any) -> None:
    page = admin.get(PAGE).text
    for words in ("web-search", "gutenberg", "code-exec", "image-gen", "pdf-reader", "memory", "Not set up"):
        assert words in page
    assert "SLUICE_CODE_RUNNER" in page and "Set up" in page
    assert "Set up" not in sign_in(world.viewer).get(PAGE).text


def test_a_plugin_is_set_up_changed_and_switched_off(admin: Any, world: Any) -> None:
    page = admin.post(f"{PAGE}/web-search", data=FORM, follow_redirects=True).text
    assert "Switched on" in page and "…et-1" in page and "a-search-secret" not in page
    form = admin.get(f"{PAGE}/web-search/edit").text
    assert 'value="https://search.example.com"' in form and 'value="3"' in form
    page = admin.post(f"{PAGE}/web-search/switch", data={"active": "0"}, follow_redirects=True).text
    assert "web-search is switched off" in page
    found = plugin_settings.find(SYSTEM, world.acme.workspace.id, "web-search")
    assert found.state == "off" and found.options["results"] == 3
    assert "set up the plugin web-search" in admin.get("/w/acme/activity").text


def test_a_wrong_form_comes_back_as_typed(admin: Any) -> None:
    wrong = {"url": "http://10.0.0.1", "usd_per_image": "cheap", "most_images": "2"}
    response = admin.post(f"{PAGE}/image-gen", data=wrong)
    assert response.status_code == 422
    assert 'value="http://10.0.0.1"' in response.text and 'value="cheap"' in response.text
    assert admin.get(f"{PAGE}/telepathy/edit").status_code == 404


def test_the_button_says_what_the_server_said(admin: Any, upstream: Any) -> None:
    admin.post(f"{PAGE}/web-search", data={**FORM, "url": upstream.url})
    page = {"title": "Wikipedia", "url": "https://wikipedia.org"}
    upstream.script("GET /search?q=Wikipedia&format=json", json_reply({"results": [page]}), json_reply([]))
    test = f"{PAGE}/web-search/test"
    part = admin.post(test, headers={"HX-Request": "true"}).text
    assert 'id="test-web-search"' in part and "notice-ok" in part
    assert "cannot be read" in admin.post(test, follow_redirects=True).text


def test_memories_are_seen_and_erased(admin: Any, world: Any, sign_in: Any) -> None:
    remember(world.acme, "ann", "My name is Ann.", "I live in Graz.")
    remember(world.other, "eve", "My name is Eve.")
    page = admin.get("/w/acme/memories").text
    assert "ann" in page and "eve" not in page
    users = f"/w/acme/memories?project={world.acme.project.id}&user=ann"
    assert "I live in Graz." in sign_in(world.viewer).get(users).text
    assert admin.get(f"/w/acme/memories?project={world.other.project.id}&user=eve").status_code == 404
    whole = {"project": world.acme.project.id, "user": "ann"}
    assert sign_in(world.viewer).post("/w/acme/memories/forget", data=whole).status_code == 403
    assert "Erased: 2" in admin.post("/w/acme/memories/forget", data=whole, follow_redirects=True).text
    assert "Nothing is remembered yet" in admin.get("/w/acme/memories").text
