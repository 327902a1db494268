"""Endpoints in the dashboard: the form, its versions, and code that really calls."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html import unescape

import pytest

from app.dashboard.sections import SECTIONS
from app.domain.actors import SYSTEM
from app.domain.endpoints import FIELDS
from app.services import endpoints, providers
from tests.live import serving

FORM = {
    "name": "Short summary",
    "slug": "",
    "model": "demo/demo-fast",
    "prompt": "Be brief.\r\nBe kind.",
    "streaming_enabled": "1",
}


def project_url(tenant, tail: str) -> str:
    return f"/w/{tenant.workspace.slug}/projects/{tenant.project.id}{tail}"


def url(tenant, tail: str = "") -> str:
    return f"/w/{tenant.workspace.slug}/endpoints/{tenant.endpoint.id}{tail}"


def find(tenant):
    return endpoints.find(SYSTEM, tenant.workspace.id, tenant.endpoint.id)


def save(person, tenant, section, then="published", **typed):
    """Send one section of the settings of the tenant's endpoint."""
    base = str(find(tenant).working_version.number)
    return person.post(url(tenant, f"/settings/{section}"), data={"base": base, "save_as": then, **typed})


def test_an_endpoint_made_in_the_form_answers_a_call(world, client, sign_in):
    person = sign_in(world.teammate)
    page = person.post(project_url(world.acme, "/endpoints"), data=FORM, follow_redirects=True)
    assert page.status_code == 200
    assert "/short-summary" in page.text
    assert "Make a key" in page.text
    view = endpoints.list_all(SYSTEM, world.acme.workspace.id, world.acme.project.id)[-1]
    assert view.endpoint.slug == "short-summary"
    assert view.config.prompt == "Be brief.\nBe kind."
    assert view.config.streaming_enabled
    answer = client.post(
        f"/api/{world.acme.project.id}/short-summary", json={"message": "Hi"}, headers=world.acme.headers
    )
    assert answer.json["ok"]


def test_the_form_offers_the_models_of_the_workspace_with_prices(world, sign_in):
    fields = {"slug": "openai", "dialect": "openai", "base_url": "https://api.openai.com/v1"}
    providers.create(SYSTEM, world.acme.workspace.id, fields)
    page = sign_in(world.teammate).get(project_url(world.acme, "/endpoints/new"))
    assert 'data-pick="demo/demo-fast"' in page.text
    assert 'data-pick="openai/gpt-4o-mini"' in page.text
    assert "$0.15 in, $0.60 out per million tokens" in page.text
    assert "Provider has no API key" in page.text
    assert 'data-pick="anthropic/' not in page.text


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("name", "x" * 101, "Must be at most 100 characters."),
        ("slug", "chat", "“chat” is a reserved word. Pick another."),
        ("slug", "hello", "There is an endpoint of this slug already."),
        ("model", "gpt", "Write it as provider/model"),
        ("model", "nobody/gpt", "There is no provider “nobody” in this workspace."),
    ],
)
def test_a_wrong_field_brings_the_form_back_with_everything_typed(world, sign_in, field, value, text):
    page = sign_in(world.teammate).post(project_url(world.acme, "/endpoints"), data={**FORM, field: value})
    assert page.status_code == 422
    assert text in unescape(page.text)
    assert f'id="f-{field}-error"' in page.text
    assert "Be kind." in page.text


@pytest.mark.parametrize(
    ("section", "field", "value", "text"),
    [
        ("details", "name", "x" * 101, "Must be at most 100 characters."),
        ("model", "failover", ["demo/a b"], "Write it as provider/model"),
        ("model", "temperature", "hot", "Must be a number from 0 to 2."),
        ("model", "top_p", "2", "Must be a number from 0 to 1."),
        ("model", "max_output_tokens", "1.5", "Must be a whole number from 1 to 200,000."),
        ("prompt", "user_prompt_template", "No place", "Must contain {{input}}"),
        ("limits", "limits.concurrency", "0", "Must be a whole number"),
    ],
)
def test_a_wrong_field_brings_its_section_back_with_everything_typed(
    world, sign_in, section, field, value, text
):
    typed = {"name": "Hello", "slug": "hello", "model": "demo/demo-fast", "note": "My note", field: value}
    page = save(sign_in(world.teammate), world.acme, section, **typed)
    assert page.status_code == 422
    assert text in unescape(page.text)
    assert f'id="f-{field}-error"' in page.text
    assert 'value="My note"' in page.text
    assert find(world.acme).version.number == 1


def test_a_section_saves_its_own_fields_and_leaves_the_others(world, sign_in):
    person = sign_in(world.teammate)
    save(person, world.acme, "prompt", prompt="Be brief.\r\nBe kind.", model="demo/other", name="Other")
    answers = {"model": "demo/demo-fast", "failover": ["demo/demo-careful", "", ""], "temperature": "0,5"}
    save(person, world.acme, "model", **answers, max_output_tokens="200", prompt="Lost")
    save(person, world.acme, "details", name="Short summary", slug="hello", description="For the help desk")
    view = find(world.acme)
    assert (view.endpoint.name, view.config.description) == ("Short summary", "For the help desk")
    assert (view.config.prompt, view.config.model) == ("Be brief.\nBe kind.", "demo/demo-fast")
    assert (view.config.failover, view.config.temperature) == (("demo/demo-careful",), 0.5)
    assert (view.config.max_output_tokens, view.config.streaming_enabled) == (200, False)
    overview = unescape(person.get(url(world.acme)).text)
    for line in (
        "Be brief. Be kind.",
        "demo/demo-fast · 1 fallback · answers come whole",
        "For the help desk",
    ):
        assert line in overview


def test_every_section_opens_with_a_line_on_the_overview(world, sign_in):
    person = sign_in(world.teammate)
    overview = person.get(url(world.acme)).text
    for section in SECTIONS:
        assert f'/settings/{section.name}"' in overview
        page = person.get(url(world.acme, f"/settings/{section.name}"))
        assert page.status_code == 200 and "Save as a draft" in page.text
        assert section.fields <= FIELDS | {"name", "slug"}
    assert person.get(url(world.acme, "/settings/nothing")).status_code == 404
    assert save(person, world.acme, "nothing").status_code == 404


def test_no_two_sections_save_the_same_field():
    fields = [field for section in SECTIONS for field in section.fields]
    assert len(fields) == len(set(fields))


def test_a_draft_waits_while_calls_are_answered_as_before(world, sign_in):
    person = sign_in(world.teammate)
    assert save(person, world.acme, "prompt", "draft", prompt="Be brief.").status_code == 303
    assert find(world.acme).config.prompt == ""
    overview = person.get(url(world.acme)).text
    assert "Version 2 is a draft" in overview and "The draft differs in: Prompt." in overview
    assert "Changed in the draft" in overview
    assert "Be brief." in person.get(url(world.acme, "/settings/prompt")).text
    save(person, world.acme, "limits", **{"limits.concurrency": "2"})
    view = find(world.acme)
    assert (view.config.prompt, view.config.limits.concurrency, view.draft) == ("Be brief.", 2, None)


def test_every_save_is_a_version_with_its_note(world, sign_in):
    client = sign_in(world.teammate)
    assert save(client, world.acme, "prompt", prompt="Be brief.", note="Shorter").status_code == 303
    view = find(world.acme)
    assert (view.version.number, view.version.note, view.version.author) == (
        2,
        "Shorter",
        world.teammate.email,
    )
    versions = client.get(url(world.acme, "/versions")).text
    assert "Shorter" in versions
    assert "Be brief." in versions
    assert "Answers now" in versions


def test_saving_without_a_change_makes_no_version(world, sign_in):
    client = sign_in(world.teammate)
    save(client, world.acme, "details", name="Renamed", slug="hello")
    assert find(world.acme).version.number == 1
    assert find(world.acme).endpoint.name == "Renamed"


def test_a_version_saved_meanwhile_is_not_overwritten_unseen(world, sign_in):
    client = sign_in(world.teammate)
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, {"prompt": "Theirs"})
    page = save(client, world.acme, "prompt", prompt="Mine", base="1")
    assert page.status_code == 422
    assert "saved version 2 while you were editing" in page.text
    assert "Mine" in page.text
    shown = re.search(r'name="base" value="(\d+)"', page.text)[1]
    assert save(client, world.acme, "prompt", prompt="Mine", base=shown).status_code == 303
    assert find(world.acme).config.prompt == "Mine"


def test_an_earlier_version_is_restored_as_a_new_one(world, sign_in):
    client = sign_in(world.teammate)
    save(client, world.acme, "prompt", prompt="Worse")
    client.post(url(world.acme, "/versions/1/restore"))
    view = find(world.acme)
    assert (view.version.number, view.config.prompt) == (3, "")
    assert client.post(url(world.acme, "/versions/9/restore")).status_code == 404


def test_old_versions_are_paged(world, sign_in):
    for number in range(24):
        endpoints.save(
            SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, {"prompt": f"Prompt {number}"}
        )
    client = sign_in(world.viewer)
    first = client.get(url(world.acme, "/versions")).text
    assert 'id="version-25"' in first
    assert 'id="version-5"' not in first
    older = unescape(re.search(r'rel="next" href="([^"]+)"', first)[1])
    second = client.get(older).text
    assert 'id="version-5"' in second
    assert "The first version." in second


def test_a_copy_opens_for_editing(world, sign_in):
    page = sign_in(world.teammate).post(url(world.acme, "/duplicate"), follow_redirects=True)
    assert page.status_code == 200
    assert 'value="hello-copy"' in page.text


def test_a_switched_off_endpoint_says_so_and_is_not_found(world, client, sign_in):
    person = sign_in(world.teammate)
    page = person.post(url(world.acme, "/active"), data={"active": "0"}, follow_redirects=True)
    assert "This endpoint is switched off" in page.text
    assert client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers).status_code == 404
    assert "data-try" not in person.get(url(world.acme, "/try")).text
    person.post(url(world.acme, "/active"), data={"active": "1"})
    assert client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers).status_code == 200


def test_the_overview_tells_who_can_answer(world, sign_in):
    workspace = world.acme.workspace.id
    fields = {"slug": "openai", "dialect": "openai", "base_url": "https://api.openai.com/v1"}
    providers.create(SYSTEM, workspace, fields)
    changes = {"model": "openai/gpt-4o-mini", "failover": ["demo/demo-fast"]}
    endpoints.save(SYSTEM, workspace, world.acme.endpoint.id, changes)
    page = sign_in(world.owner).get(url(world.acme)).text
    assert "Provider has no API key" in page
    assert "Ready" in page
    assert "Nobody can answer" not in page
    providers.update(SYSTEM, workspace, world.acme.provider.id, {"active": False})
    page = sign_in(world.owner).get(url(world.acme)).text
    assert "Provider is switched off" in page
    assert "Nobody can answer" in page


def test_the_way_to_the_first_call_ends_when_it_was_made(world, client, sign_in):
    person = sign_in(world.teammate)
    assert "From here to your application" in person.get(url(world.acme)).text
    client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers)
    assert "From here to your application" not in person.get(url(world.acme)).text


def test_viewers_read_without_buttons(world, sign_in):
    client = sign_in(world.viewer)
    overview = client.get(url(world.acme)).text
    assert "Duplicate" not in overview
    assert "/settings/" not in overview
    assert "How it is set up" in overview
    assert client.get(url(world.acme, "/use")).status_code == 200
    assert client.get(url(world.acme, "/versions")).status_code == 200
    for tail in ("/settings/prompt", "/try"):
        assert client.get(url(world.acme, tail)).status_code == 403
    assert client.get(project_url(world.acme, "/endpoints/new")).status_code == 403
    for tail in ("/settings/prompt", "/duplicate", "/active", "/versions/1/restore"):
        assert client.post(url(world.acme, tail), data={"prompt": "x"}).status_code == 403


def test_another_tenants_endpoint_is_not_there(world, sign_in):
    client = sign_in(world.owner)
    base = f"/w/{world.acme.workspace.slug}/endpoints/{world.other.endpoint.id}"
    for tail in ("", "/settings/prompt", "/try", "/use", "/versions"):
        assert client.get(base + tail).status_code == 404
    for tail in ("/settings/prompt", "/duplicate", "/active", "/versions/1/restore"):
        assert client.post(base + tail, data=FORM).status_code == 404


def sample(page: str) -> str:
    return unescape(re.search(r'id="sample-code"><code>(.*?)</code>', page, re.S)[1])


def test_samples_hold_the_real_address_and_no_key(world, sign_in):
    client = sign_in(world.viewer)
    for language in ("curl", "python", "javascript"):
        code = sample(client.get(url(world.acme, f"/use?language={language}")).text)
        assert f"http://localhost{world.acme.url}" in code
        assert "SLUICE_KEY" in code
        assert world.acme.secret not in code
    code = sample(client.get(url(world.acme, "/use?language=openai&stream=1")).text)
    assert f"http://localhost/api/{world.acme.project.id}/v1" in code
    assert "stream=True" in code


def test_a_sample_is_swapped_in_place(world, sign_in):
    part = sign_in(world.viewer).get(url(world.acme, "/use?language=python"), headers={"HX-Request": "true"})
    assert part.text.strip().startswith('<div id="sample"')


def test_an_endpoint_that_does_not_stream_offers_no_streaming_sample(world, sign_in):
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, {"streaming_enabled": False})
    page = sign_in(world.viewer).get(url(world.acme, "/use?language=curl&stream=1")).text
    assert "Word by word" not in page
    assert '"stream"' not in sample(page)


@pytest.fixture
def server(app, tmp_path, database_url, redis_url):
    """A real web server on this test's database."""
    with serving(tmp_path, database_url, redis_url) as running:
        yield running


def read_page(server, path: str, cookie: str) -> str:
    connection = server.connect()
    connection.request("GET", path, headers={"Cookie": f"sluice_session={cookie}"})
    page = connection.getresponse().read().decode()
    connection.close()
    return page


def run_sample(server, tenant, cookie: str, tmp_path, program: str, query: str) -> None:
    code = sample(read_page(server, url(tenant, f"/use?{query}"), cookie))
    assert server.url in code
    script = tmp_path / "sample"
    script.write_text(code)
    environ = {**os.environ, "SLUICE_KEY": tenant.secret, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run([program, script], env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout.lower()
    assert '"error"' not in done.stdout


def test_the_samples_run_as_they_are_copied(world, sign_in, server, tmp_path):
    cookie = sign_in(world.viewer).get_cookie("sluice_session").value
    for language, program in (("curl", "bash"), ("python", sys.executable), ("openai", sys.executable)):
        for stream in ("", "&stream=1"):
            run_sample(server, world.acme, cookie, tmp_path, program, f"language={language}{stream}")


def test_limits_of_an_endpoint_are_a_new_version_that_tells_them(world, client, sign_in):
    person = sign_in(world.teammate)
    assert save(person, world.acme, "limits", **{"limits.requests_per_minute": "1"}).status_code == 303
    assert "1 call per minute" in person.get(url(world.acme)).text
    assert "1 call per minute" in person.get(url(world.acme, "/versions")).text
    call = {"json": {"message": "Hi"}, "headers": world.acme.headers}
    assert [client.post(world.acme.url, **call).status_code for _ in range(2)] == [200, 429]
    assert save(person, world.acme, "limits").status_code == 303
    assert "not set" in person.get(url(world.acme, "/versions")).text
    assert client.post(world.acme.url, **call).status_code == 200
