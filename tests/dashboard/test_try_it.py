"""Try it: a person's call from the dashboard."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.database import database
from app.domain.actors import SYSTEM
from app.models import RecordRow
from app.services import endpoints, projects, providers


def url(tenant) -> str:
    return f"/w/{tenant.workspace.slug}/endpoints/{tenant.endpoint.id}/try"


def records() -> list[RecordRow]:
    return database.read(lambda session: list(session.scalars(select(RecordRow))))


def test_the_answer_streams_with_usage_and_is_recorded_as_tried_here(world, sign_in):
    answer = sign_in(world.teammate).post(url(world.acme), json={"message": "Hi", "stream": True})
    assert answer.status_code == 200
    assert answer.mimetype == "text/event-stream"
    assert '"cost_usd"' in answer.text
    assert answer.text.endswith("data: [DONE]\n\n")
    row = records()[0]
    assert (row.source, row.caller_label, row.key_id) == ("dashboard", world.teammate.email, None)
    assert row.id == answer.headers["X-Sluice-Request-Id"]
    assert row.endpoint_id == world.acme.endpoint.id


def test_an_endpoint_that_does_not_stream_answers_whole(world, sign_in):
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, {"streaming_enabled": False})
    answer = sign_in(world.teammate).post(url(world.acme), json={"message": "Hi", "stream": True})
    assert answer.json["ok"]
    assert answer.json["meta"]["request_id"]
    assert answer.headers["X-Sluice-Cost-Usd"]


def test_the_page_posts_there_and_knows_where_receipts_are(world, sign_in):
    page = sign_in(world.teammate).get(url(world.acme)).text
    assert f'action="{url(world.acme)}"' in page
    assert f'data-receipt="/w/{world.acme.workspace.slug}/requests/00000000-' in page
    assert "Stream the answer" in page


def test_a_switched_off_endpoint_says_so(world, sign_in):
    endpoints.set_active(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, False)
    answer = sign_in(world.teammate).post(url(world.acme), json={"message": "Hi"})
    assert answer.status_code == 404
    assert answer.json["error"] == "This endpoint is switched off. Switch it on to try it."


def test_a_switched_off_project_is_off_here_too(world, sign_in):
    projects.update(SYSTEM, world.acme.workspace.id, world.acme.project.id, {"active": False})
    answer = sign_in(world.teammate).post(url(world.acme), json={"message": "Hi"})
    assert answer.status_code == 404 and answer.json["error"] == "This project is switched off."


def test_when_nobody_can_answer_the_person_reads_why(world, sign_in):
    providers.update(SYSTEM, world.acme.workspace.id, world.acme.provider.id, {"active": False})
    answer = sign_in(world.teammate).post(url(world.acme), json={"message": "Hi"})
    assert answer.status_code == 502
    assert "the provider is switched off" in answer.json["error"]


@pytest.mark.parametrize("body", [{}, {"message": ""}, {"message": 3}])
def test_a_call_without_a_message_is_refused(world, sign_in, body):
    answer = sign_in(world.teammate).post(url(world.acme), json=body)
    assert answer.status_code == 422
    assert answer.json["ok"] is False


def test_viewers_and_strangers_cannot_try(world, client, sign_in):
    assert sign_in(world.viewer).post(url(world.acme), json={"message": "Hi"}).status_code == 403
    assert sign_in(world.stranger).post(url(world.acme), json={"message": "Hi"}).status_code == 404
    foreign = f"/w/{world.acme.workspace.slug}/endpoints/{world.other.endpoint.id}/try"
    assert sign_in(world.owner).post(foreign, json={"message": "Hi"}).status_code == 404
    assert client.post(url(world.acme), json={"message": "Hi"}).status_code == 303
    assert records() == []


def test_a_key_does_not_open_it(world, client):
    answer = client.post(url(world.acme), json={"message": "Hi"}, headers=world.acme.headers)
    assert answer.status_code == 303


def test_it_needs_the_pages_token(app, world, sign_in):
    app.config["WTF_CSRF_METHODS"] = {"POST"}
    client = sign_in(world.teammate)
    assert client.post(url(world.acme), json={"message": "Hi"}).status_code == 400
    page = client.get(url(world.acme)).text
    token = page.split('name="csrf-token" content="')[1].split('"')[0]
    sent = client.post(url(world.acme), json={"message": "Hi"}, headers={"X-CSRFToken": token})
    assert sent.status_code == 200


def test_a_draft_is_tried_while_applications_get_what_is_published(world, client, sign_in):
    person, workspace = sign_in(world.teammate), world.acme.workspace.id
    fields = {"user_prompt_template": "Drafted: {{input}}", "streaming_enabled": False}
    endpoints.save(SYSTEM, workspace, world.acme.endpoint.id, fields, publish=False)
    page = person.get(url(world.acme)).text
    assert f'action="{url(world.acme)}?version=2"' in page and "Stream the answer" not in page
    assert f'action="{url(world.acme)}"' in person.get(url(world.acme) + "?of=published").text
    drafted = person.post(url(world.acme) + "?version=2", json={"message": "Hi"}).json["content"]
    answered = client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers).json["content"]
    assert "Drafted: Hi" in drafted and "Drafted" not in answered
    assert person.post(url(world.acme) + "?version=9", json={"message": "Hi"}).status_code == 404


def test_the_form_asks_for_variables_and_only_then_for_a_text(world, sign_in):
    fields = {
        "variables": [
            {"name": "topic", "type": "text", "required": True, "help": "One sentence."},
            {"name": "lines", "type": "int", "min": 1, "max": 9, "default": 3},
        ],
        "user_prompt_template": "{{lines}} lines about {{topic}}",
    }
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, fields)
    person = sign_in(world.teammate)
    page = person.get(url(world.acme)).text
    assert 'data-question="topic"' in page and 'min="1" max="9"' in page and "One sentence." in page
    assert 'name="message"' not in page and 'data-place="variables"' in page
    answer = person.post(url(world.acme), json={"variables": {"topic": "rain"}})
    assert answer.status_code == 200


def test_a_simple_input_schema_is_asked_as_fields(world, sign_in):
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Bern", "Basel"]}},
        "required": ["city"],
        "additionalProperties": False,
    }
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, {"input_schema": schema})
    person = sign_in(world.teammate)
    page = person.get(url(world.acme)).text
    assert 'data-place="message"' in page and ">Basel</option>" in page
    assert person.post(url(world.acme), json={"message": {"city": "Bern"}}).status_code == 200
    assert person.post(url(world.acme), json={"message": {"city": "Rome"}}).status_code == 422
