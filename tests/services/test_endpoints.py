"""Endpoints as services: versions, copies, restoring, tenancy and what is refused."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.errors import Conflict, InvalidFields, NotAllowed, NotFound
from app.models import AuditEvent, RecordRow
from app.services import (
    call_counts,
    endpoint_versions,
    endpoints,
    model_choices,
    model_rows,
    pauses,
    providers,
    publishing,
)
from tests.world import actor_of


def newest_event() -> AuditEvent:
    query = select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)
    return database.read(lambda session: session.scalars(query).one())


def save(world, fields, **options):
    return endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, fields, **options)


def test_a_save_publishes_the_next_version_and_leaves_the_old_one(world):
    view = save(world, {"prompt": "Be brief."}, note="Shorter")
    assert (view.version.number, view.version.note) == (2, "Shorter")
    first = endpoint_versions.list_versions(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id)[-1]
    assert first.config["prompt"] == ""
    event = newest_event()
    assert event.action == "endpoint.change"
    assert event.changes["prompt"] == ["", "Be brief."]


def test_a_save_without_a_difference_changes_nothing(world):
    save(world, {"prompt": "Be brief."})
    before = newest_event().id
    assert save(world, {"prompt": "Be brief."}).version.number == 2
    assert newest_event().id == before


def test_a_save_on_an_older_base_is_a_conflict(world):
    save(world, {"prompt": "Theirs"}, base=1)
    with pytest.raises(Conflict, match="bin/sluice saved version 2"):
        save(world, {"prompt": "Mine"}, base=1)
    assert save(world, {"prompt": "Mine"}, base=2).version.number == 3


def test_restoring_makes_a_new_version_of_the_old_content(world):
    save(world, {"prompt": "Worse", "temperature": 1.5})
    place = world.acme.workspace.id, world.acme.endpoint.id
    view = publishing.restore(SYSTEM, *place, 1)
    assert (view.version.number, view.config.prompt, view.config.temperature) == (3, "", None)
    assert view.version.note == "Restored version 1"
    with pytest.raises(NotFound):
        publishing.restore(SYSTEM, *place, 99)


def test_a_copy_gets_a_free_slug(world):
    place = world.acme.workspace.id, world.acme.endpoint.id
    slugs = [endpoints.duplicate(SYSTEM, *place).endpoint.slug for _ in range(2)]
    assert slugs == ["hello-copy", "hello-copy2"]


def test_versions_are_listed_from_a_number_down(world):
    for number in range(4):
        save(world, {"prompt": str(number)})
    place = world.acme.workspace.id, world.acme.endpoint.id
    rows = endpoint_versions.list_versions(SYSTEM, *place, upto=4, limit=2)
    assert [row.number for row in rows] == [4, 3]


def test_slugs_are_free_again_in_another_project_but_not_in_the_same(world):
    with pytest.raises(Conflict):
        endpoints.create(
            SYSTEM,
            world.acme.workspace.id,
            world.acme.project.id,
            {"slug": "hello", "model": "demo/demo-fast"},
        )
    assert world.acme.endpoint.slug == world.other.endpoint.slug


def test_a_model_of_an_unknown_provider_is_refused(world):
    with pytest.raises(InvalidFields) as refusal:
        save(world, {"model": "nobody/x", "failover": ["no-one/y"]})
    assert set(refusal.value.errors) == {"model", "failover"}


def test_viewers_change_nothing_and_strangers_see_nothing(world):
    place = world.acme.workspace.id, world.acme.endpoint.id
    viewer, stranger = actor_of(world.viewer), actor_of(world.stranger)
    for change in (
        lambda actor: endpoints.save(actor, *place, {"prompt": "x"}),
        lambda actor: endpoints.duplicate(actor, *place),
        lambda actor: publishing.restore(actor, *place, 1),
        lambda actor: endpoints.set_active(actor, *place, False),
    ):
        with pytest.raises(NotAllowed):
            change(viewer)
        with pytest.raises(NotFound):
            change(stranger)
    assert endpoints.find(viewer, *place).version.number == 1
    with pytest.raises(NotFound):
        endpoints.find(stranger, *place)


@pytest.mark.parametrize("foreign", [True, False])
def test_an_id_of_another_workspace_or_of_nothing_is_not_found(world, foreign):
    endpoint_id = world.other.endpoint.id if foreign else "no-uuid"
    with pytest.raises(NotFound):
        endpoints.find(actor_of(world.owner), world.acme.workspace.id, endpoint_id)


def test_the_shelves_hold_the_workspaces_providers_under_its_own_ids(world):
    workspace = world.acme.workspace.id
    fields = {
        "slug": "eu-openai",
        "vendor": "openai",
        "dialect": "openai",
        "base_url": "https://eu.example.com/v1",
    }
    providers.create(SYSTEM, workspace, fields)
    row = {"input_usd_per_million": "1", "output_usd_per_million": "2"}
    model_rows.set_row(SYSTEM, workspace, "eu-openai/my-tuned", row)
    shelves = model_choices.list_shelves(SYSTEM, workspace, world.acme.project.id)
    states = {shelf.provider.slug: shelf.state for shelf in shelves}
    assert states == {"demo": "ready", "eu-openai": "no_key"}
    ids = {choice.model_id for shelf in shelves for choice in shelf.choices}
    assert {"demo/demo-fast", "eu-openai/gpt-4o-mini", "eu-openai/my-tuned"} <= ids


def test_the_chain_tells_whether_each_model_could_answer(world):
    fields = {"slug": "openai", "dialect": "openai", "base_url": "https://api.openai.com/v1", "active": False}
    providers.create(SYSTEM, world.acme.workspace.id, fields)
    view = save(world, {"model": "openai/gpt-4o-mini", "failover": ["demo/demo-fast"]})
    links = model_choices.chain(SYSTEM, world.acme.workspace.id, world.acme.project.id, view.config)
    assert [(link.model_id, link.state) for link in links] == [
        ("openai/gpt-4o-mini", "off"),
        ("demo/demo-fast", "ready"),
    ]
    assert links[0].facts.display_name == "GPT-4o mini"


def test_a_paused_provider_is_not_ready(world):
    pauses.pause(SYSTEM, world.acme.workspace.id, world.acme.provider.id)
    view = save(world, {"model": "demo/demo-fast"})
    links = model_choices.chain(SYSTEM, world.acme.workspace.id, world.acme.project.id, view.config)
    assert [link.state for link in links] == ["paused"]


def test_recent_calls_are_counted_by_project_and_endpoint(world, client):
    for _ in range(3):
        client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers)
    client.post(world.acme.url, json={}, headers=world.acme.headers)
    client.post(world.other.url, json={"message": "Hi"}, headers=world.other.headers)
    assert len(database.read(lambda session: list(session.scalars(select(RecordRow))))) == 5
    viewer, workspace = actor_of(world.viewer), world.acme.workspace.id
    assert call_counts.by_project(viewer, workspace).calls == {world.acme.project.id: 4}
    assert call_counts.by_endpoint(viewer, workspace).calls == {world.acme.endpoint.id: 4}
    activity = call_counts.of_endpoint(viewer, workspace, world.acme.endpoint.id)
    assert (activity.calls, activity.failed, activity.refused, activity.capped) == (4, 0, 1, False)
    assert (activity.tried, activity.called_by_key) == (True, True)
    with pytest.raises(NotFound):
        call_counts.of_endpoint(actor_of(world.stranger), workspace, world.acme.endpoint.id)
