"""What is remembered of end users: kept once, the oldest go, never across projects."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from app.domain.actors import SYSTEM
from app.domain.errors import NotAllowed, NotFound
from app.services import memories
from tests.world import Tenant, World, actor_of


def caller(tenant: Tenant) -> Any:
    return SimpleNamespace(workspace_id=tenant.workspace.id, project_id=tenant.project.id)


def kept(tenant: Tenant, user: str) -> list[str]:
    return [row.content for row in memories.of_user(caller(tenant), user)]


def test_what_is_known_is_not_kept_twice_and_the_oldest_go(world: World) -> None:
    acme = caller(world.acme)
    for text in ("I like tea.", "I like rain.", "i like TEA.", "I like trains."):
        memories.remember(acme, "ann", [text], most=2)
    assert kept(world.acme, "ann") == ["I like trains.", "I like rain."]


def test_users_and_projects_are_kept_apart(world: World) -> None:
    memories.remember(caller(world.acme), "ann", ["I like tea."], most=9)
    memories.remember(caller(world.other), "ann", ["I like coffee."], most=9)
    assert (kept(world.acme, "ann"), kept(world.acme, "bob")) == (["I like tea."], [])
    assert memories.forget_user(caller(world.acme), "ann") == 1
    assert (kept(world.acme, "ann"), kept(world.other, "ann")) == ([], ["I like coffee."])


def test_people_see_and_erase_only_their_own(world: World) -> None:
    acme, project = world.acme.workspace.id, world.acme.project.id
    memories.remember(caller(world.acme), "ann_%", ["I like tea.", "I like rain."], most=9)
    [person] = memories.list_users(actor_of(world.viewer), acme, project, "n_%")
    assert (person.name, person.memories) == ("ann_%", 2)
    assert memories.list_users(SYSTEM, acme, project, "n__") == []
    row = memories.list_of(SYSTEM, acme, project, "ann_%")[0]
    with pytest.raises(NotAllowed):
        memories.erase_one(actor_of(world.viewer), acme, row.id)
    for workspace in (acme, world.other.workspace.id):
        with pytest.raises(NotFound):
            memories.erase_one(actor_of(world.stranger), workspace, row.id)
    with pytest.raises(NotFound):
        memories.list_of(SYSTEM, world.other.workspace.id, project, "ann_%")
    memories.erase_one(actor_of(world.teammate), acme, row.id)
    assert memories.erase_all(actor_of(world.teammate), acme, project, "ann_%") == 1
