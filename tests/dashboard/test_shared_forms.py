"""The shared test form: open to nobody but those with a key, and only where an editor shares it."""

from __future__ import annotations

from collections.abc import Callable

from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.models import User
from app.services import endpoints, projects, shared_forms
from tests.world import World


def form_of(world: World) -> str:
    return f"/try/{world.acme.project.id}/{world.acme.endpoint.slug}"


def test_an_editor_shares_it_and_closes_it(
    client: FlaskClient, world: World, sign_in: Callable[[User], FlaskClient]
) -> None:
    url = f"/w/{world.acme.workspace.slug}/endpoints/{world.acme.endpoint.id}"
    assert client.get(form_of(world)).status_code == 404
    editor = sign_in(world.teammate)
    assert editor.post(f"{url}/form", data={"shared": "1"}).status_code == 303
    assert form_of(world) in editor.get(f"{url}/use").text
    assert client.get(form_of(world)).status_code == 200
    assert editor.post(f"{url}/form", data={"shared": "0"}).status_code == 303
    assert client.get(form_of(world)).status_code == 404


def test_the_page_tells_nothing_of_the_endpoint_and_keeps_no_cookie(
    client: FlaskClient, world: World
) -> None:
    place = SYSTEM, world.acme.workspace.id, world.acme.endpoint.id
    endpoints.save(*place, {"name": "Tax helper", "description": "For the tax office", "prompt": "Be kind."})
    shared_forms.share(*place, True)
    page = client.get(form_of(world))
    assert (
        "Set-Cookie" not in page.headers and "default-src 'self'" in page.headers["Content-Security-Policy"]
    )
    for told in ("Tax helper", "tax office", "Be kind", "demo", world.acme.workspace.name, "Support"):
        assert told not in page.text


def test_what_is_switched_off_or_not_there_has_no_form(client: FlaskClient, world: World) -> None:
    acme = world.acme
    shared_forms.share(SYSTEM, acme.workspace.id, acme.endpoint.id, True)
    assert client.get(f"/try/{world.other.project.id}/{acme.endpoint.slug}").status_code == 404
    assert client.get(f"/try/{acme.project.id}/nope").status_code == 404
    endpoints.set_active(SYSTEM, acme.workspace.id, acme.endpoint.id, False)
    assert client.get(form_of(world)).status_code == 404
    endpoints.set_active(SYSTEM, acme.workspace.id, acme.endpoint.id, True)
    assert client.get(form_of(world)).status_code == 200
    projects.update(SYSTEM, acme.workspace.id, acme.project.id, {"active": False})
    assert client.get(form_of(world)).status_code == 404


def test_the_form_learns_of_the_endpoint_with_a_key(client: FlaskClient, world: World) -> None:
    place = SYSTEM, world.acme.workspace.id, world.acme.endpoint.id
    tone = {"name": "tone", "type": "enum", "options": ["kind", "plain"], "required": True}
    endpoints.save(*place, {"description": "Answers letters", "variables": [tone], "prompt": "Be {{tone}}."})
    url = f"/api/{world.acme.project.id}/endpoints/hello"
    assert client.get(url).status_code == 401
    assert client.get(url, headers=world.other.headers).status_code == 403
    told = client.get(url, headers=world.acme.headers).get_json()["endpoint"]
    assert told["description"] == "Answers letters" and told["variables"] == [tone]
    assert "prompt" not in told and told["streaming_enabled"] is True


def test_a_projects_file_is_the_same_with_a_key_and_in_the_dashboard(
    client: FlaskClient, world: World, sign_in: Callable[[User], FlaskClient]
) -> None:
    project = world.acme.project.id
    told = client.get(f"/api/{project}/openapi.json", headers=world.acme.headers).get_json()
    assert told["openapi"] == "3.1.0" and set(told["paths"]) == {"/hello"} and "ok" not in told
    url = f"/w/{world.acme.workspace.slug}/projects/{project}/openapi.json"
    download = sign_in(world.viewer).get(url)
    assert "attachment" in download.headers["Content-Disposition"]
    assert download.get_json()["paths"] == told["paths"]


def test_the_form_learns_what_to_ask_also_from_a_simple_input_schema(world, client):
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Bern", "Basel"]}},
        "required": ["city"],
        "additionalProperties": False,
    }
    acme = world.acme
    endpoints.save(SYSTEM, acme.workspace.id, acme.endpoint.id, {"input_schema": schema})
    told = client.get(f"/api/{acme.project.id}/endpoints/hello", headers=acme.headers).json["endpoint"]
    city = {"name": "city", "type": "enum", "required": True, "options": ["Bern", "Basel"]}
    assert told["form"] == {"fields": [city], "place": "message", "takes_text": False}
