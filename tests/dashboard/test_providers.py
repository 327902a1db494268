"""Providers in the dashboard: added from a vendor, tested, switched, and nothing of a secret on any page."""

from __future__ import annotations

import pytest

from app import egress
from app.domain.actors import SYSTEM
from app.services import credentials, providers
from tests.upstream_replies import error_reply

SECRET = "sk-a-secret-of-the-vendor-9876"
HTMX = {"HX-Request": "true"}


def form(**changes):
    fields = {
        "name": "OpenAI",
        "slug": "openai",
        "dialect": "openai",
        "base_url": "https://api.openai.com/v1",
        "vendor": "openai",
        "zdr": "1",
        "secret": SECRET,
    }
    return {**fields, **changes}


@pytest.fixture
def admin(world, sign_in):
    return sign_in(world.admin)


def the_provider(world, slug="openai"):
    return next(row for row in providers.list_all(SYSTEM, world.acme.workspace.id) if row.slug == slug)


def the_key(world, slug="openai"):
    return credentials.list_all(SYSTEM, world.acme.workspace.id, the_provider(world, slug).id)[0]


def test_a_vendor_is_chosen_and_only_the_key_is_typed(admin, world):
    choice = admin.get("/w/acme/providers/new").text
    assert "Anthropic" in choice and "Any OpenAI-compatible address" in choice
    page = admin.get("/w/acme/providers/new?vendor=openai").text
    assert "https://api.openai.com/v1" in page and 'value="openai"' in page
    made = admin.post("/w/acme/providers", data=form(), follow_redirects=True)
    assert made.status_code == 200 and "Ready" in made.text and "…9876" in made.text
    assert SECRET not in made.text
    assert the_provider(world).zdr and not the_provider(world).may_train


def test_a_second_provider_of_a_vendor_gets_a_free_slug(admin):
    admin.post("/w/acme/providers", data=form())
    assert 'value="openai-2"' in admin.get("/w/acme/providers/new?vendor=openai").text


def test_the_list_tells_the_states(admin):
    admin.post("/w/acme/providers", data=form())
    admin.post("/w/acme/providers", data=form(slug="mistral", name="Mistral", secret=""))
    page = admin.get("/w/acme/providers").text
    for words in ("Ready", "Needs a key", "Ready (demo)", "Not a real model", "Can keep no data"):
        assert words in page


def test_a_wrong_form_comes_back_with_what_was_typed(admin):
    answer = admin.post(
        "/w/acme/providers", data=form(slug="Not A Slug", base_url="http://10.0.0.1:11434/v1")
    )
    assert answer.status_code == 422
    assert "Not A Slug" in answer.text and "SLUICE_PRIVATE_UPSTREAMS=10.0.0.1:11434" in answer.text
    assert SECRET not in answer.text


def test_the_form_says_that_another_address_wipes_the_keys(admin, world):
    admin.post("/w/acme/providers", data=form())
    url = f"/w/acme/providers/{the_provider(world).id}"
    assert "wiped" in admin.get(f"{url}/edit").text
    page = admin.post(url, data=form(base_url="https://other.example.com/v1"), follow_redirects=True).text
    assert "Wiped" in page and "Needs a key" in page


def test_one_click_switches_off_and_on(admin, world):
    admin.post("/w/acme/providers", data=form())
    url = f"/w/acme/providers/{the_provider(world).id}/switch"
    assert "Switched off" in admin.post(url, data={"active": "0"}, follow_redirects=True).text
    assert "Ready" in admin.post(url, data={"active": "1"}, follow_redirects=True).text


def test_a_key_is_added_switched_off_and_deleted(admin, world):
    admin.post("/w/acme/providers", data=form(secret=""))
    url = f"/w/acme/providers/{the_provider(world).id}/credentials"
    fields = {"name": "main", "secret": SECRET, "project_id": world.acme.project.id}
    page = admin.post(url, data=fields, follow_redirects=True).text
    assert "only for Support" in page and SECRET not in page
    again = admin.post(url, data=fields)
    assert again.status_code == 422 and "of this name already" in again.text and SECRET not in again.text
    key = f"/w/acme/credentials/{the_key(world).id}"
    admin.post(key, data={"active": "0"})
    assert the_key(world).active is False
    assert "is deleted" in admin.post(f"{key}/delete", follow_redirects=True).text


def test_testing_a_key_answers_in_place(admin, world, upstream):
    admin.post("/w/acme/providers", data=form(base_url=upstream.v1))
    url = f"/w/acme/credentials/{the_key(world).id}/test"
    works = admin.post(url, headers=HTMX)
    assert works.status_code == 200 and "Connected. The provider lists 1 model." in works.text
    assert works.text.strip().startswith(f'<div id="test-{the_key(world).id}"')
    upstream.script("GET /v1/models", error_reply(401))
    refused = admin.post(url, headers=HTMX)
    assert refused.status_code == 200 and "refuses this key" in refused.text
    egress.configure(private_upstreams=frozenset())
    assert "private" in admin.post(url, follow_redirects=True).text


def test_the_demo_is_labelled_and_takes_no_key(admin, world):
    demo = world.acme.provider.id
    page = admin.get(f"/w/acme/providers/{demo}").text
    assert "Not a real model" in page and "Add a key" not in page
    answer = admin.post(f"/w/acme/providers/{demo}/credentials", data={"name": "x", "secret": SECRET})
    assert answer.status_code == 422


def test_viewers_see_no_buttons_and_are_refused(world, sign_in, admin):
    admin.post("/w/acme/providers", data=form())
    provider, viewer = the_provider(world).id, sign_in(world.viewer)
    assert "Add a provider" not in viewer.get("/w/acme/providers").text
    page = viewer.get(f"/w/acme/providers/{provider}").text
    for words in ("Switch off", "Add a key", "Delete", ">Test<", ">Edit<"):
        assert words not in page
    assert viewer.get("/w/acme/providers/new").status_code == 403
    assert viewer.post("/w/acme/providers", data=form(slug="x")).status_code == 403
    assert viewer.post(f"/w/acme/credentials/{the_key(world).id}/test").status_code == 403
    assert viewer.post(f"/w/acme/providers/{provider}/switch", data={"active": "0"}).status_code == 403


def test_another_workspace_s_provider_and_key_are_not_there(world, sign_in, admin):
    admin.post("/w/acme/providers", data=form())
    stranger = sign_in(world.stranger)
    assert stranger.get(f"/w/other/providers/{the_provider(world).id}").status_code == 404
    assert stranger.post(f"/w/other/credentials/{the_key(world).id}/test").status_code == 404
    assert stranger.post(f"/w/other/credentials/{the_key(world).id}/delete").status_code == 404
