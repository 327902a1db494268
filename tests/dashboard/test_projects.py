"""Projects in the dashboard."""

from __future__ import annotations

from app.domain.actors import SYSTEM
from app.services import projects, providers, workspaces
from tests.world import make_person


def path(tenant, tail: str = "") -> str:
    return f"/w/{tenant.workspace.slug}/projects{tail}"


def test_the_list_shows_each_project_with_what_it_holds(world, sign_in):
    page = sign_in(world.teammate).get(path(world.acme))
    assert page.status_code == 200
    assert "Support" in page.text
    assert f"/projects/{world.acme.project.id}" in page.text


def test_a_workspace_without_projects_leads_to_the_first_one(world, sign_in):
    empty = workspaces.create(SYSTEM, {"name": "Empty"})
    editor = make_person("editor@empty.test", empty, "editor")
    viewer = make_person("viewer@empty.test", empty, "viewer")
    url = f"/w/{empty.slug}/projects"
    assert "Make your first project" in sign_in(editor).get(url).text
    assert "No projects yet" in sign_in(viewer).get(url).text


def test_a_project_is_made_and_its_home_leads_to_an_endpoint(world, sign_in):
    client = sign_in(world.teammate)
    assert client.get(path(world.acme, "/new")).status_code == 200
    answer = client.post(
        path(world.acme), data={"name": "Website", "surfaces": "endpoints"}, follow_redirects=True
    )
    assert answer.status_code == 200
    assert "Make the first endpoint" in answer.text


def test_its_home_shows_its_id_endpoints_and_keys(world, sign_in):
    page = sign_in(world.viewer).get(path(world.acme, f"/{world.acme.project.id}"))
    assert world.acme.project.id in page.text
    assert "demo/demo-fast" in page.text
    assert "In force" in page.text


def test_a_wrong_form_comes_back_with_what_was_typed(world, sign_in):
    typed = {"name": "Support", "surfaces": "endpoints", "content_retention_days": "7"}
    answer = sign_in(world.teammate).post(path(world.acme), data=typed)
    assert answer.status_code == 422
    assert "There is a project of this name already." in answer.text
    assert 'value="7"' in answer.text


def test_days_that_are_no_number_are_refused_beside_the_field(world, sign_in):
    typed = {"name": "New", "content_retention_days": "a week"}
    answer = sign_in(world.teammate).post(path(world.acme), data=typed)
    assert answer.status_code == 422
    assert "Must be a whole number from 1 to 3,650." in answer.text
    assert 'value="a week"' in answer.text


def test_settings_are_changed(world, sign_in):
    project = world.acme.project
    typed = {"name": "Help desk", "surfaces": "endpoints", "log_content": "1", "content_retention_days": "3"}
    answer = sign_in(world.teammate).post(path(world.acme, f"/{project.id}/edit"), data=typed)
    assert answer.status_code == 303
    changed = projects.find(SYSTEM, world.acme.workspace.id, project.id)
    assert (changed.name, changed.log_content, changed.content_retention_days) == ("Help desk", True, 3)
    assert changed.active


def test_a_project_is_switched_off_and_on_again(world, sign_in):
    client, project = sign_in(world.teammate), world.acme.project
    page = client.post(path(world.acme, f"/{project.id}/active"), data={"active": "0"}, follow_redirects=True)
    assert "This project is switched off" in page.text
    client.post(path(world.acme, f"/{project.id}/active"), data={"active": "1"})
    assert projects.find(SYSTEM, world.acme.workspace.id, project.id).active


def test_viewers_read_and_find_no_buttons(world, sign_in):
    client = sign_in(world.viewer)
    assert "New project" not in client.get(path(world.acme)).text
    assert "Settings of" not in client.get(path(world.acme, f"/{world.acme.project.id}")).text
    assert client.get(path(world.acme, "/new")).status_code == 403
    assert client.get(path(world.acme, f"/{world.acme.project.id}/edit")).status_code == 403
    assert client.post(path(world.acme), data={"name": "X"}).status_code == 403


def test_another_tenants_project_is_not_there(world, sign_in):
    client = sign_in(world.owner)
    for tail in ("", "/edit"):
        assert client.get(path(world.acme, f"/{world.other.project.id}{tail}")).status_code == 404
    assert client.post(path(world.acme, f"/{world.other.project.id}/active")).status_code == 404
    assert client.get(path(world.other)).status_code == 404


def test_a_proxy_project_says_how_to_point_an_sdk_at_it(world, sign_in):
    project = world.acme.project
    client = sign_in(world.viewer)
    assert "Call models directly" not in client.get(path(world.acme, f"/{project.id}")).text
    projects.update(SYSTEM, world.acme.workspace.id, project.id, {"surfaces": ["proxy"]})
    fields = {"slug": "claude", "dialect": "anthropic", "base_url": "https://api.anthropic.com"}
    providers.create(SYSTEM, world.acme.workspace.id, fields)
    page = client.get(path(world.acme, f"/{project.id}")).text
    assert "http://localhost/v1/demo" in page and "http://localhost/v1/claude" in page
    assert '<code id="base-any">http://localhost/v1</code>' in page and "anthropic import Anthropic" in page
    demo = client.get(path(world.acme, f"/{project.id}?provider=demo")).text
    assert "from openai import OpenAI" in demo and "/v1/demo/chat/completions" in demo
    other = client.get(path(world.acme, f"/{project.id}?provider=claude")).text
    assert "from anthropic import Anthropic" in other and "/v1/claude/messages" in other
