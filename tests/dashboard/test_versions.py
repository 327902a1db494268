"""Versions and examples in the dashboard: a draft, what it would break, and who publishes it all the same."""

from __future__ import annotations

import pytest

from app.domain.actors import SYSTEM
from app.services import endpoint_versions, endpoints, example_runs, examples
from tests.dashboard.test_endpoints import find, save, url

PART = {"HX-Request": "true"}


@pytest.fixture
def person(world, sign_in):
    return sign_in(world.teammate)


def make(world, name="Greets", **expected):
    fields = {"name": name, "body": {"message": "Hello there"}, "expected": expected}
    return examples.create(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, fields)


def standing(world, number):
    return example_runs.standing(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, number)


def test_a_save_that_may_break_an_example_leads_to_the_page_before_publishing(world, person):
    make(world, contains=["no such word"])
    make(world, "Says hello", contains=["hello"])
    answer = save(person, world.acme, "prompt", prompt="Be brief.")
    assert answer.headers["Location"].endswith("/versions/2/publish")
    page = person.get(answer.headers["Location"]).text
    assert "2 of 2 examples were not run yet" in page
    assert "<ins>" in page and "Be brief." in page
    person.post(url(world.acme, "/examples/run?version=2&review=1"), data={"which": "all"})
    page = person.get(url(world.acme, "/versions/2/publish")).text
    assert "1 of 2 examples fail" in page
    assert "The answer does not contain “no such word”." in page
    refused = person.post(url(world.acme, "/versions/2/publish"))
    assert refused.status_code == 422 and "Tick this" in refused.text
    assert find(world.acme).version.number == 1
    person.post(url(world.acme, "/versions/2/publish"), data={"anyway": "1"})
    assert find(world.acme).version.number == 2


def test_a_version_that_passes_is_published_without_a_tick(world, person):
    make(world, contains=["hello"])
    save(person, world.acme, "prompt", then="draft", prompt="Be brief.")
    page = person.get(url(world.acme)).text
    assert "/versions/2/publish" in page
    person.post(url(world.acme, "/examples/run?version=2"), data={"which": "missing"})
    page = person.get(url(world.acme, "/versions/2/publish")).text
    assert "The example passes." in page and "anyway" not in page
    person.post(url(world.acme, "/versions/2/publish"))
    assert find(world.acme).version.number == 2


def test_an_earlier_version_is_restored_as_a_draft(world, person):
    place = world.acme.workspace.id, world.acme.endpoint.id
    endpoints.save(SYSTEM, *place, {"prompt": "Two"})
    endpoints.save(SYSTEM, *place, {"prompt": "Three"})
    assert "Restore version 2 as a draft" in person.get(url(world.acme, "/versions")).text
    person.post(url(world.acme, "/versions/2/restore"), data={"save_as": "draft"})
    view = find(world.acme)
    assert (view.version.number, view.draft.number, view.draft_config.prompt) == (3, 4, "Two")


def test_restoring_what_no_example_speaks_for_stays_a_draft(world, person):
    place = world.acme.workspace.id, world.acme.endpoint.id
    endpoints.save(SYSTEM, *place, {"prompt": "Two"})
    make(world)
    answer = person.post(url(world.acme, "/versions/1/restore"))
    assert answer.headers["Location"].endswith("/versions/3/publish")
    assert (find(world.acme).version.number, find(world.acme).draft.note) == (2, "Restored version 1")


def test_parts_of_the_page_ask_one_example_after_the_other(world, person):
    example = make(world)
    part = person.post(url(world.acme, "/examples/run?version=1"), data={"which": "all"}, headers=PART).text
    assert 'hx-trigger="load"' in part and standing(world, 1).count("missing") == 1
    row = person.post(url(world.acme, f"/examples/{example.id}/run?version=1"), headers=PART).text
    assert row.startswith("<tr") and "Passes" in row and 'hx-swap-oob="true"' in row
    assert standing(world, 1).is_proven


def test_an_example_is_written_in_the_form(world, person):
    typed = {
        "name": "Refunds",
        "message": "May I have my money back?",
        "contains": "refund\r\n\r\n14 days",
        "match_case": "1",
        "most_output_tokens": "200",
        "most_cost_usd": "$0.01",
    }
    assert person.post(url(world.acme, "/examples"), data=typed).status_code == 303
    (example,) = examples.list_all(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id)
    assert example.body == {"message": "May I have my money back?"}
    assert example.expected == {
        "contains": ["refund", "14 days"],
        "match_case": True,
        "most_output_tokens": 200,
        "most_cost_usd": "0.01",
    }
    page = person.get(url(world.acme, f"/examples/{example.id}")).text
    assert "refund\n14 days" in page
    wrong = person.post(
        url(world.acme, f"/examples/{example.id}"), data={**typed, "json_schema": "{", "message": "Changed"}
    )
    assert wrong.status_code == 422 and "This is not JSON" in wrong.text and "Changed" in wrong.text
    assert person.post(url(world.acme, "/examples"), data=typed).status_code == 422  # the name is taken
    person.post(url(world.acme, f"/examples/{example.id}/delete"))
    assert "No examples yet" in person.get(url(world.acme, "/examples")).text


def test_what_was_tried_becomes_an_example_with_one_click(world, person):
    tried = {"body": '{"message": "Hello, who are you?", "stream": true, "variables": {}}'}
    answer = person.post(url(world.acme, "/examples/keep"), data=tried)
    (example,) = examples.list_all(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id)
    assert (example.name, example.body) == ("Hello, who are you?", {"message": "Hello, who are you?"})
    assert answer.headers["Location"].endswith(example.id)
    person.post(url(world.acme, "/examples/keep"), data=tried)
    names = [e.name for e in examples.list_all(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id)]
    assert names == ["Hello, who are you?", "Hello, who are you? (2)"]


def test_a_pinned_version_is_told_and_keeps_answering(world, person):
    person.post(url(world.acme, "/versions/pin"), data={"pinned": "1"})
    save(person, world.acme, "prompt", prompt="Be brief.")
    assert (find(world.acme).version.number, find(world.acme).draft.number) == (1, 2)
    form = person.get(url(world.acme, "/settings/prompt")).text
    assert "Save as a draft" in form and "Save and publish" not in form
    page = person.get(url(world.acme, "/versions")).text
    assert "Version 1 is pinned" in page
    refused = person.post(url(world.acme, "/versions/2/publish"))
    assert refused.status_code == 422 and "unpinned" in refused.text
    person.post(url(world.acme, "/versions/pin"), data={"pinned": "0"})
    person.post(url(world.acme, "/versions/discard"))
    assert find(world.acme).draft is None


def test_any_two_versions_are_compared(world, person):
    place = world.acme.workspace.id, world.acme.endpoint.id
    endpoints.save(SYSTEM, *place, {"prompt": "Two"})
    endpoints.save(SYSTEM, *place, {"guardrails": {"keywords": {"words": ["blue"]}}})
    page = person.get(url(world.acme, "/versions/compare?a=1&b=3")).text
    assert "Two" in page and "Words → Words and phrases: blue" in page
    assert "Nothing differs." in person.get(url(world.acme, "/versions/compare?a=2&b=2")).text
    assert person.get(url(world.acme, "/versions/compare?a=9")).status_code == 404
    assert "Answered calls from" in person.get(url(world.acme, "/versions")).text
    assert len(endpoint_versions.history(SYSTEM, *place)) == 3


def test_viewers_read_and_change_nothing(world, sign_in):
    example = make(world)
    viewer = sign_in(world.viewer)
    for path in ("/examples", "/versions", "/versions/compare"):
        assert viewer.get(url(world.acme, path)).status_code == 200
    for path in (
        "/examples",
        "/examples/run",
        f"/examples/{example.id}",
        f"/examples/{example.id}/run",
        "/examples/keep",
        "/versions/1/publish",
        "/versions/pin",
        "/versions/discard",
    ):
        assert viewer.post(url(world.acme, path), data={"name": "x", "message": "y"}).status_code == 403, path
