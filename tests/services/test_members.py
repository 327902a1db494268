"""Roles in a workspace, and that it always keeps an owner."""

from __future__ import annotations

import pytest

from app.domain.actors import SYSTEM
from app.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from app.services import audit, members
from tests.world import World, actor_of, make_person


def roles(world: World) -> dict[str, str]:
    rows = members.list_all(actor_of(world.viewer), world.acme.workspace.id)
    return {row.user.email.split("@")[0]: row.membership.role for row in rows}


def test_members_are_listed_owners_first(world: World) -> None:
    assert list(roles(world).items()) == [
        ("owner", "owner"),
        ("admin", "admin"),
        ("teammate", "editor"),
        ("viewer", "viewer"),
    ]
    with pytest.raises(NotFound):
        members.list_all(actor_of(world.stranger), world.acme.workspace.id)


def test_an_admin_gives_another_role_and_it_is_logged(world: World) -> None:
    members.set_role(actor_of(world.admin), world.acme.workspace.id, world.viewer.id, "editor")
    assert roles(world)["viewer"] == "editor"
    event = audit.list_events(SYSTEM, world.acme.workspace.id, limit=1)[0]
    assert (event.action, event.object_label, event.changes) == (
        "member.change",
        "viewer@acme.test",
        {"role": ["viewer", "editor"]},
    )


@pytest.mark.parametrize("who", ["teammate", "viewer"])
def test_lesser_roles_change_nobody(world: World, who: str) -> None:
    actor = actor_of(getattr(world, who))
    with pytest.raises(NotAllowed):
        members.set_role(actor, world.acme.workspace.id, world.admin.id, "viewer")
    with pytest.raises(NotAllowed):
        members.remove(actor, world.acme.workspace.id, world.admin.id)


def test_an_admin_can_neither_touch_nor_make_owners(world: World) -> None:
    actor, home = actor_of(world.admin), world.acme.workspace.id
    for refused in (
        lambda: members.set_role(actor, home, world.owner.id, "viewer"),
        lambda: members.remove(actor, home, world.owner.id),
        lambda: members.set_role(actor, home, world.admin.id, "owner"),
    ):
        with pytest.raises(NotAllowed):
            refused()


def test_the_last_owner_stays(world: World) -> None:
    actor, home = actor_of(world.owner), world.acme.workspace.id
    with pytest.raises(Conflict):
        members.remove(actor, home, world.owner.id)
    with pytest.raises(Conflict):
        members.set_role(actor, home, world.owner.id, "admin")
    make_person("second@acme.test", world.acme.workspace, "owner")
    members.set_role(actor, home, world.owner.id, "admin")
    assert roles(world)["owner"] == "admin"


def test_anybody_may_leave(world: World) -> None:
    members.remove(actor_of(world.viewer), world.acme.workspace.id, world.viewer.id)
    with pytest.raises(NotFound):
        members.list_all(actor_of(world.viewer), world.acme.workspace.id)
    assert audit.list_events(SYSTEM, world.acme.workspace.id, limit=1)[0].action == "member.leave"


def test_strangers_and_unknown_roles_are_refused(world: World) -> None:
    home = world.acme.workspace.id
    with pytest.raises(NotFound):
        members.set_role(actor_of(world.owner), home, world.stranger.id, "viewer")
    with pytest.raises(NotFound):
        members.remove(actor_of(world.stranger), home, world.viewer.id)
    with pytest.raises(InvalidInput):
        members.set_role(actor_of(world.owner), home, world.viewer.id, "king")
