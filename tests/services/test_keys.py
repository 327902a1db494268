"""Keys as services: only a hash is kept, names are unique, a revoked key stays revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.errors import Conflict, InvalidFields, InvalidInput, NotAllowed, NotFound
from app.models import AuditEvent
from app.services import keys
from tests.world import actor_of


def make(world, **fields):
    return keys.create(SYSTEM, world.acme.workspace.id, world.acme.project.id, {"name": "website", **fields})


def test_a_minted_key_is_nowhere_but_in_the_answer(world):
    made = make(world)
    assert made.secret.startswith("sk-sluice-")
    assert made.key.preview == f"sk-sluice-…{made.secret[-4:]}"
    assert made.secret not in repr(made)
    events = database.read(lambda session: list(session.scalars(select(AuditEvent))))
    assert not any(made.secret in str(event.changes) + event.object_label for event in events)


def test_a_key_has_the_default_scopes_in_their_order(world):
    assert make(world).key.scopes == ["chat", "models"]
    assert make(world, name="b", scopes=["tokens:write", "chat"]).key.scopes == ["chat", "tokens:write"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("scopes", ["all"]), ("expires_at", datetime(2099, 1, 1)), ("color", "red")],
)
def test_a_wrong_field_is_named(world, field, value):
    with pytest.raises(InvalidFields) as refusal:
        make(world, **{field: value})
    assert list(refusal.value.errors) == [field]


def test_names_are_unique_in_a_project_also_when_renamed(world):
    with pytest.raises(Conflict):
        make(world, name="ci")
    made = make(world)
    with pytest.raises(Conflict):
        keys.update(SYSTEM, world.acme.workspace.id, made.key.id, {"name": "ci"})
    assert keys.update(SYSTEM, world.acme.workspace.id, made.key.id, {"name": "web"}).name == "web"


def test_a_secret_opens_one_key_only(world):
    place = world.other.workspace.id, world.other.project.id
    with pytest.raises(Conflict):
        keys.create(SYSTEM, *place, {"name": "stolen"}, secret=world.acme.secret)
    with pytest.raises(InvalidInput):
        keys.create(SYSTEM, *place, {"name": "short"}, secret="too short")


def test_states(world):
    made = make(world, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert keys.state_of(made.key) == "expired"
    assert keys.state_of(world.acme.key) == "active"
    revoked = keys.revoke(SYSTEM, world.acme.workspace.id, made.key.id)
    assert keys.state_of(revoked) == "revoked"
    again = keys.revoke(SYSTEM, world.acme.workspace.id, made.key.id)
    assert again.revoked_at == revoked.revoked_at


def test_viewers_change_nothing_and_strangers_see_nothing(world):
    workspace, key = world.acme.workspace.id, world.acme.key.id
    viewer, stranger = actor_of(world.viewer), actor_of(world.stranger)
    assert keys.find(viewer, workspace, key).name == "ci"
    for change in (
        lambda actor: keys.create(actor, workspace, world.acme.project.id, {"name": "x"}),
        lambda actor: keys.update(actor, workspace, key, {"name": "x"}),
        lambda actor: keys.revoke(actor, workspace, key),
    ):
        with pytest.raises(NotAllowed):
            change(viewer)
        with pytest.raises(NotFound):
            change(stranger)
    for foreign in (world.other.key.id, "no-uuid"):
        with pytest.raises(NotFound):
            keys.find(actor_of(world.owner), workspace, foreign)
