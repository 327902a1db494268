"""Drafts, publishing, pinning and asking for a version: what answers, and what waits."""

from __future__ import annotations

import pytest

from app.domain.actors import SYSTEM
from app.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from app.services import endpoint_versions, endpoints, keys, publishing
from tests.providers_world import records
from tests.world import actor_of


def place(world):
    return world.acme.workspace.id, world.acme.endpoint.id


def draft(world, fields, **options):
    return endpoints.save(SYSTEM, *place(world), fields, publish=False, **options)


def test_a_draft_waits_while_the_published_version_answers(world):
    view = draft(world, {"prompt": "Be brief."}, note="Shorter")
    assert (view.version.number, view.draft.number, view.draft.note) == (1, 2, "Shorter")
    assert (view.config.prompt, view.working_config.prompt) == ("", "Be brief.")
    again = draft(world, {"temperature": 1.0}, base=2)
    assert (again.draft.number, again.working_config.prompt) == (3, "Be brief.")
    with pytest.raises(Conflict, match="saved version 3"):
        draft(world, {"temperature": 0.5}, base=1)


def test_publishing_a_draft_as_it_is_makes_no_further_version(world):
    draft(world, {"prompt": "Be brief."})
    view = endpoints.save(SYSTEM, *place(world), {})
    assert (view.version.number, view.draft) == (2, None)
    assert view.config.prompt == "Be brief."


def test_a_draft_that_went_back_to_what_answers_is_none(world):
    draft(world, {"prompt": "Be brief."})
    view = draft(world, {"prompt": ""})
    assert (view.draft, view.working_version.number) == (None, 1)


def test_a_save_over_what_is_published_leaves_the_draft_out(world):
    draft(world, {"prompt": "Half done"})
    view = endpoints.save(SYSTEM, *place(world), {"temperature": 1.0}, over_draft=False)
    assert (view.version.number, view.draft, view.config.prompt) == (3, None, "")


def test_any_version_can_be_published_and_the_history_tells_when_each_answered(world):
    endpoints.save(SYSTEM, *place(world), {"prompt": "Two"})
    draft(world, {"prompt": "Three"})
    view = publishing.publish(SYSTEM, *place(world), 1)
    assert (view.version.number, view.draft.number) == (1, 3)
    assert publishing.publish(SYSTEM, *place(world), 3).draft is None
    told = endpoint_versions.history(SYSTEM, *place(world))
    first = [told[version.id] for version in endpoint_versions.list_versions(SYSTEM, *place(world))][-1]
    assert len(first) == 2 and first[1].until <= first[0].since < first[0].until
    with pytest.raises(NotFound):
        publishing.publish(SYSTEM, *place(world), 99)


def test_what_is_pinned_stays_until_it_is_unpinned(world):
    publishing.set_pinned(SYSTEM, *place(world), True)
    view = endpoints.save(SYSTEM, *place(world), {"prompt": "Two"})
    assert (view.version.number, view.draft.number) == (1, 2)
    with pytest.raises(InvalidInput, match="Version 1 is pinned"):
        publishing.publish(SYSTEM, *place(world), 2)
    with pytest.raises(InvalidInput, match="pinned"):
        publishing.restore(SYSTEM, *place(world), 2)
    publishing.set_pinned(SYSTEM, *place(world), False)
    assert publishing.publish(SYSTEM, *place(world), 2).version.number == 2


def test_a_draft_that_is_discarded_stays_a_version(world):
    draft(world, {"prompt": "Two"})
    assert publishing.discard_draft(SYSTEM, *place(world)).draft is None
    numbers = [row.number for row in endpoint_versions.list_versions(SYSTEM, *place(world))]
    assert numbers == [2, 1]


def test_restoring_takes_away_what_the_earlier_version_did_not_say(world):
    schema = {"type": "object"}
    said = {"output_schema": schema, "streaming_enabled": False, "limits": {"requests_per_minute": 5}}
    endpoints.save(SYSTEM, *place(world), said)
    view = publishing.restore(SYSTEM, *place(world), 1, publish=False)
    assert (view.version.number, view.draft) == (2, view.draft)
    assert (view.working_config.output_schema, bool(view.working_config.limits)) == (None, False)


def test_viewers_change_nothing_and_strangers_find_nothing(world):
    for verb in (
        lambda actor: publishing.publish(actor, *place(world), 1),
        lambda actor: publishing.set_pinned(actor, *place(world), True),
        lambda actor: publishing.discard_draft(actor, *place(world)),
    ):
        with pytest.raises(NotAllowed):
            verb(actor_of(world.viewer))
        with pytest.raises(NotFound):
            verb(actor_of(world.stranger))
    assert endpoint_versions.history(actor_of(world.viewer), *place(world))


def ask(client, world, name, **body):
    url = f"/api/{world.acme.project.id}/{name}"
    return client.post(url, headers=world.acme.headers, json={"message": "Hi", **body})


def test_a_version_is_let_in_by_the_slug_and_named_by_openai_clients_too(client, world):
    endpoints.save(SYSTEM, *place(world), {"max_output_tokens": 3})
    key = keys.create(
        SYSTEM,
        world.acme.workspace.id,
        world.acme.project.id,
        {"name": "one", "endpoints": ["hello"]},
    )
    headers = {"Authorization": f"Bearer {key.secret}"}
    url = f"/api/{world.acme.project.id}"
    assert client.post(f"{url}/hello@1", headers=headers, json={"message": "Hi"}).status_code == 200
    assert client.post(f"{url}/other@1", headers=headers, json={"message": "Hi"}).status_code == 403
    body = {"model": "hello@1", "messages": [{"role": "user", "content": "Hi"}]}
    answer = client.post(f"{url}/v1/chat/completions", headers=headers, json=body)
    assert answer.json["choices"][0]["finish_reason"] == "stop"
    assert [row.endpoint_version for row in records()] == [1, None, 1]
    assert {row.endpoint_slug for row in records()} == {"hello", "other@1"}


def test_callers_may_ask_for_a_version_that_was_published(client, world):
    endpoints.save(SYSTEM, *place(world), {"max_output_tokens": 3})
    draft(world, {"prompt": "Not yet"})
    now, before = ask(client, world, "hello").json, ask(client, world, "hello@1").json
    assert (now["finish_reason"], before["finish_reason"]) == ("length", "stop")
    by_body = ask(client, world, "chat/completions", endpoint="hello@1").json
    assert by_body["content"] == before["content"]
    for name in ("hello@3", "hello@4", "hello@0", "hello@x", "hello@"):
        answer = ask(client, world, name)
        assert answer.status_code == 404 and "version" in answer.json["error"].lower(), name
