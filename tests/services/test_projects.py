"""Projects as services."""

from __future__ import annotations

import pytest

from app.domain.actors import SYSTEM
from app.domain.errors import Conflict, InvalidFields, InvalidInput, NotAllowed, NotFound
from app.domain.gateway_settings import DEFAULTS
from app.services import audit, keys, projects
from tests.world import actor_of

UUID = "6f1c2b9e-0000-4000-8000-000000000001"


def test_a_project_is_made_with_what_it_needs(world):
    made = projects.create(actor_of(world.teammate), world.acme.workspace.id, {"name": "Website"})
    assert (made.surfaces, made.log_content, made.content_retention_days) == (["endpoints"], False, 30)
    assert made.active


def test_a_project_may_be_given_its_uuid_once(world):
    made = projects.create(SYSTEM, world.acme.workspace.id, {"name": "Website"}, uuid=UUID.upper())
    assert made.id == UUID
    with pytest.raises(Conflict):
        projects.create(SYSTEM, world.other.workspace.id, {"name": "Website"}, uuid=UUID)
    with pytest.raises(InvalidInput):
        projects.create(SYSTEM, world.other.workspace.id, {"name": "Website"}, uuid="7")


def test_a_name_is_free_in_another_workspace_but_not_in_the_same(world):
    with pytest.raises(Conflict):
        projects.create(SYSTEM, world.acme.workspace.id, {"name": "Support"})
    assert world.acme.project.name == world.other.project.name


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "x" * 101),
        ("surfaces", ["chat"]),
        ("content_retention_days", 0),
        ("content_retention_days", "30"),
        ("owner", "me"),
    ],
)
def test_a_wrong_field_is_named(world, field, value):
    with pytest.raises(InvalidFields) as refusal:
        projects.create(SYSTEM, world.acme.workspace.id, {"name": "New", field: value})
    assert list(refusal.value.errors) == [field]


def test_the_settings_of_the_door_to_every_model_are_kept_and_told_one_by_one(world):
    acme, fields = world.acme, {"baseline_model": "openai/gpt-4o", "cache_seconds": 60}
    changed = projects.update(SYSTEM, acme.workspace.id, acme.project.id, {"gateway": fields})
    assert projects.as_fields(changed)["gateway"] == {**DEFAULTS.as_dict(), **fields}
    told = audit.list_events(actor_of(world.owner), acme.workspace.id)[0].changes
    assert told == {"baseline_model": ["", "openai/gpt-4o"], "cache_seconds": [0, 60]}


def test_cards_count_what_projects_hold_of_keys_only_those_in_force(world):
    made = projects.create(SYSTEM, world.acme.workspace.id, {"name": "A"})
    projects.update(SYSTEM, world.acme.workspace.id, made.id, {"active": False})
    gone = keys.create(SYSTEM, world.acme.workspace.id, world.acme.project.id, {"name": "gone"})
    keys.revoke(SYSTEM, world.acme.workspace.id, gone.key.id)
    cards = projects.list_cards(actor_of(world.viewer), world.acme.workspace.id)
    assert [(c.project.name, c.endpoints, c.keys) for c in cards] == [("Support", 1, 1), ("A", 0, 0)]


def test_viewers_read_and_strangers_see_nothing(world):
    place = world.acme.workspace.id, world.acme.project.id
    assert projects.find(actor_of(world.viewer), *place).id == world.acme.project.id
    with pytest.raises(NotAllowed):
        projects.update(actor_of(world.viewer), *place, {"name": "x"})
    with pytest.raises(NotFound):
        projects.find(actor_of(world.stranger), *place)
    with pytest.raises(NotFound):
        projects.find(actor_of(world.owner), world.acme.workspace.id, world.other.project.id)
    with pytest.raises(NotFound):
        projects.list_cards(actor_of(world.stranger), world.acme.workspace.id)
