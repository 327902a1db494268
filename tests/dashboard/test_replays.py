"""Asking an earlier request again: of another version or model; what then stands beside each other."""

from __future__ import annotations

import pytest

from app.domain.actors import SYSTEM
from app.services import endpoints, examples, projects, receipts
from app.services.record_rows import content_allowed
from tests.dashboard.test_endpoints import find
from tests.providers_world import records


@pytest.fixture
def kept(world, monkeypatch):
    """Acme's project keeps prompts and answers, and serves models by their names too."""
    monkeypatch.setattr(content_allowed, "allowed", True)
    fields = {"log_content": True, "surfaces": ["endpoints", "proxy"]}
    projects.update(SYSTEM, world.acme.workspace.id, world.acme.project.id, fields)
    return world


def ask(client, tenant, **body) -> str:
    answer = client.post(tenant.url, headers=tenant.headers, json=body)
    return answer.headers["X-Request-Id"] if "X-Request-Id" in answer.headers else records()[-1].id


def url(world, request_id, tail):
    return f"/w/{world.acme.workspace.slug}/requests/{request_id}{tail}"


def again(person, world, request_id, **typed) -> str:
    """Ask again and return where both answers stand."""
    answer = person.post(url(world, request_id, "/again"), data=typed)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_a_request_is_asked_of_another_version(client, kept, sign_in):
    request_id = ask(client, kept.acme, message="Say hello")
    endpoints.save(SYSTEM, kept.acme.workspace.id, kept.acme.endpoint.id, {"max_output_tokens": 3})
    person = sign_in(kept.teammate)
    form = person.get(url(kept, request_id, "/again")).text
    assert "Version 1" in form and "Version 2 · answers now" in form
    page = person.get(again(person, kept, request_id, version="2")).text
    assert "version 1" in page and "version 2" in page and "<del>" in page
    row = records()[-1]
    assert (row.parent_request_id, row.endpoint_version, row.source) == (request_id, 2, "dashboard")
    assert row.content["messages"] == [{"role": "user", "content": "Say hello"}]
    first = person.get(url(kept, request_id, "")).text
    assert f"/requests/{row.id}/beside" in first and "It was asked again" in first
    assert "Both side by side" in person.get(url(kept, row.id, "")).text


def test_variables_and_prompt_are_applied_afresh(client, kept, sign_in):
    place = kept.acme.workspace.id, kept.acme.endpoint.id
    variables = [{"name": "tone", "type": "string"}]
    endpoints.save(SYSTEM, *place, {"prompt": "Be {{tone}}.", "variables": variables})
    request_id = ask(client, kept.acme, message="Hi", variables={"tone": "kind"})
    endpoints.save(SYSTEM, *place, {"prompt": "Always {{tone}}!"})
    again(sign_in(kept.teammate), kept, request_id)
    assert records()[-1].content["messages"][0]["content"] == "Always kind!"


def test_an_endpoints_request_is_asked_of_another_model(client, kept, sign_in):
    request_id = ask(client, kept.acme, message="Hi")
    person = sign_in(kept.teammate)
    page = person.get(again(person, kept, request_id, model="demo/demo-careful")).text
    assert "demo-careful" in page
    assert records()[-1].model_answered == "demo-careful"
    wrong = person.post(url(kept, request_id, "/again"), data={"model": "smart"})
    assert wrong.status_code == 422 and "provider/model" in wrong.text


def test_a_call_to_a_model_is_asked_of_another_one_without_limits_and_cache(client, kept, sign_in):
    body = {"model": "demo/demo-fast", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 7}
    client.post("/v1/chat/completions", headers=kept.acme.headers, json=body)
    request_id = records()[-1].id
    assert "messages" not in records()[-1].content["asked"]["body"]
    projects.update(SYSTEM, kept.acme.workspace.id, kept.acme.project.id, {"gateway": {"cache_seconds": 60}})
    person = sign_in(kept.teammate)
    for _ in range(2):
        again(person, kept, request_id, model="demo/demo-careful")
        row = records()[-1]
        assert (row.model_answered, row.cached, row.parent_request_id) == ("demo-careful", False, request_id)
    assert row.output_tokens <= 7


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/v1/messages",
            {"max_tokens": 50, "system": "Be brief.", "messages": [{"role": "user", "content": "Hi"}]},
        ),
        ("/v1/responses", {"instructions": "Be brief.", "input": "Hi"}),
    ],
)
def test_calls_of_other_dialects_are_asked_again_as_chats(client, kept, sign_in, path, body):
    client.post(path, headers=kept.acme.headers, json={"model": "demo/demo-fast", **body})
    request_id = records()[-1].id
    again(sign_in(kept.teammate), kept, request_id, model="demo/demo-careful")
    row = records()[-1]
    assert (row.outcome, row.parent_request_id) == ("succeeded", request_id)
    assert [message["content"] for message in row.content["messages"]] == ["Be brief.", "Hi"]


def test_an_answer_that_fails_stands_beside_the_first_one_too(client, kept, sign_in):
    request_id = ask(client, kept.acme, message="Hi")
    person = sign_in(kept.teammate)
    page = person.get(again(person, kept, request_id, model="nobody/here")).text
    assert "notice-error" in page


def test_without_kept_content_the_page_says_how_to_switch_it_on(client, world, sign_in, monkeypatch):
    request_id = ask(client, world.acme, message="Hi")
    person = sign_in(world.teammate)
    assert "SLUICE_LOG_CONTENT" in person.get(url(world, request_id, "/again")).text
    monkeypatch.setattr(content_allowed, "allowed", True)
    assert "Open the project’s settings" in person.get(url(world, request_id, "/again")).text
    assert person.post(url(world, request_id, "/again")).status_code == 422
    person.post(url(world, request_id, "/example"))
    assert examples.list_all(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id) == []


def test_a_receipt_becomes_an_example(client, kept, sign_in):
    request_id = ask(client, kept.acme, messages=[{"role": "user", "content": "Where is my parcel?"}])
    person = sign_in(kept.teammate)
    assert "Save as an example" in person.get(url(kept, request_id, "")).text
    answer = person.post(url(kept, request_id, "/example"))
    (example,) = examples.list_all(SYSTEM, kept.acme.workspace.id, kept.acme.endpoint.id)
    assert answer.headers["Location"].endswith(example.id)
    assert example.name == "Where is my parcel?"
    assert example.body == {"messages": [{"role": "user", "content": "Where is my parcel?"}]}


def test_what_a_guardrail_stopped_is_not_kept_for_asking_again(client, kept, sign_in):
    rule = {"guardrails": {"keywords": {"words": ["parcel"], "action": "block"}}}
    endpoints.save(SYSTEM, kept.acme.workspace.id, kept.acme.endpoint.id, rule)
    request_id = ask(client, kept.acme, message="Where is my parcel?")
    assert records()[-1].content["asked"] is None
    assert "Only chats can be asked again" in sign_in(kept.teammate).get(url(kept, request_id, "/again")).text


def test_viewers_see_both_answers_and_ask_nothing(client, kept, sign_in):
    request_id = ask(client, kept.acme, message="Hi")
    again(sign_in(kept.teammate), kept, request_id)
    child = records()[-1]
    viewer = sign_in(kept.viewer)
    assert viewer.get(url(kept, child.id, "/beside")).status_code == 200
    assert viewer.get(url(kept, request_id, "/beside")).status_code == 303
    for tail in ("/again", "/example"):
        assert viewer.post(url(kept, request_id, tail)).status_code == 403
    assert find(kept.acme).version.number == 1
    assert receipts.find(SYSTEM, kept.acme.workspace.id, child.id).row.parent_request_id == request_id
