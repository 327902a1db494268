"""Endpoints in the dashboard: the form, its versions, and code that really calls."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html import unescape

import pytest

from app.domain.actors import SYSTEM
from app.services import endpoints, providers
from tests.live import serving

FORM = {
    "name": "Short summary",
    "slug": "",
    "model": "demo/demo-fast",
    "failover": ["demo/demo-careful", "", "", "", ""],
    "prompt": "Be brief.\r\nBe kind.",
    "user_prompt_template": "Summarize: {{input}}",
    "temperature": "0,5",
    "top_p": "",
    "max_output_tokens": "200",
    "streaming_enabled": "1",
    "note": "First try",
}


def project_url(tenant, tail: str) -> str:
    return f"/w/{tenant.workspace.slug}/projects/{tenant.project.id}{tail}"


def url(tenant, tail: str = "") -> str:
    return f"/w/{tenant.workspace.slug}/endpoints/{tenant.endpoint.id}{tail}"


def find(tenant):
    return endpoints.find(SYSTEM, tenant.workspace.id, tenant.endpoint.id)


def typed(tenant, **changes):
    """Return the form of the tenant's endpoint as the edit page sends it."""
    view = find(tenant)
    values = {"name": view.endpoint.name, "slug": view.endpoint.slug, "model": view.config.model}
    return {**values, "streaming_enabled": "1", "base": str(view.version.number), **changes}


def test_an_endpoint_made_in_the_form_answers_a_call(world, client, sign_in):
    person = sign_in(world.teammate)
    page = person.post(project_url(world.acme, "/endpoints"), data=FORM, follow_redirects=True)
    assert page.status_code == 200
    assert "/short-summary" in page.text
    assert "Make a key" in page.text
    view = endpoints.list_all(SYSTEM, world.acme.workspace.id, world.acme.project.id)[-1]
    assert view.endpoint.slug == "short-summary"
    assert view.config.failover == ("demo/demo-careful",)
    assert view.config.prompt == "Be brief.\nBe kind."
    assert view.config.temperature == 0.5
    assert view.config.max_output_tokens == 200
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
        ("failover", ["demo/a b"], "Write it as provider/model"),
        ("user_prompt_template", "No place", "Must contain {{input}}"),
        ("temperature", "hot", "Must be a number from 0 to 2."),
        ("top_p", "2", "Must be a number from 0 to 1."),
        ("max_output_tokens", "1.5", "Must be a whole number from 1 to 200,000."),
    ],
)
def test_a_wrong_field_brings_the_form_back_with_everything_typed(world, sign_in, field, value, text):
    page = sign_in(world.teammate).post(project_url(world.acme, "/endpoints"), data={**FORM, field: value})
    assert page.status_code == 422
    assert text in unescape(page.text)
    assert f'id="f-{field}-error"' in page.text
    assert "Be kind." in page.text
    assert 'value="First try"' in page.text


def test_every_save_is_a_version_with_its_note(world, sign_in):
    client = sign_in(world.teammate)
    page = client.post(url(world.acme, "/edit"), data=typed(world.acme, prompt="Be brief.", note="Shorter"))
    assert page.status_code == 303
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
    client.post(url(world.acme, "/edit"), data=typed(world.acme, name="Renamed"))
    assert find(world.acme).version.number == 1
    assert find(world.acme).endpoint.name == "Renamed"


def test_a_version_saved_meanwhile_is_not_overwritten_unseen(world, sign_in):
    client, stale = sign_in(world.teammate), typed(world.acme, prompt="Mine")
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, {"prompt": "Theirs"})
    page = client.post(url(world.acme, "/edit"), data=stale)
    assert page.status_code == 422
    assert "saved version 2 while you were editing" in page.text
    assert "Mine" in page.text
    again = {**stale, "base": re.search(r'name="base" value="(\d+)"', page.text)[1]}
    assert client.post(url(world.acme, "/edit"), data=again).status_code == 303
    assert find(world.acme).config.prompt == "Mine"


def test_an_earlier_version_is_restored_as_a_new_one(world, sign_in):
    client = sign_in(world.teammate)
    client.post(url(world.acme, "/edit"), data=typed(world.acme, prompt="Worse"))
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
    assert "/edit" not in overview
    assert client.get(url(world.acme, "/use")).status_code == 200
    assert client.get(url(world.acme, "/versions")).status_code == 200
    for tail in ("/edit", "/try"):
        assert client.get(url(world.acme, tail)).status_code == 403
    assert client.get(project_url(world.acme, "/endpoints/new")).status_code == 403
    for tail in ("/edit", "/duplicate", "/active", "/versions/1/restore"):
        assert client.post(url(world.acme, tail), data=typed(world.acme, prompt="x")).status_code == 403


def test_another_tenants_endpoint_is_not_there(world, sign_in):
    client = sign_in(world.owner)
    base = f"/w/{world.acme.workspace.slug}/endpoints/{world.other.endpoint.id}"
    for tail in ("", "/edit", "/try", "/use", "/versions"):
        assert client.get(base + tail).status_code == 404
    for tail in ("/edit", "/duplicate", "/active", "/versions/1/restore"):
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
    person, url = sign_in(world.teammate), f"/w/acme/endpoints/{world.acme.endpoint.id}"
    fields = {"name": "Hello", "slug": "hello", "model": "demo/demo-fast"}
    assert person.post(f"{url}/edit", data={**fields, "limits.requests_per_minute": "1"}).status_code == 303
    assert "1 call per minute" in person.get(url).text
    assert "1 call per minute" in person.get(f"{url}/versions").text
    call = {"json": {"message": "Hi"}, "headers": world.acme.headers}
    assert [client.post(world.acme.url, **call).status_code for _ in range(2)] == [200, 429]
    assert person.post(f"{url}/edit", data=fields).status_code == 303
    assert "not set" in person.get(f"{url}/versions").text
    assert client.post(world.acme.url, **call).status_code == 200
    wrong = person.post(f"{url}/edit", data={**fields, "limits.concurrency": "0"})
    assert wrong.status_code == 422 and 'id="f-limits.concurrency-error"' in wrong.text
