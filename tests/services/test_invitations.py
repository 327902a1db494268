"""Invitations: one link, one person, one role."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.errors import Conflict, InvalidFields, NotAllowed, NotFound
from app.models import OneTimeLink
from app.models.columns import utc_now
from app.services import audit, invitations, workspaces
from tests.world import World, actor_of

PERSON = {"name": "New", "password": "correct horse battery", "password_again": "correct horse battery"}


def invite(world: World, email: str = "new@acme.test", role: str = "editor") -> str:
    return invitations.create(actor_of(world.owner), world.acme.workspace.id, {"email": email, "role": role})


def test_a_new_person_joins_with_the_role_of_the_invitation(world: World) -> None:
    token = invite(world, " New@Acme.test ")
    found = invitations.find(token)
    assert (found.workspace.name, found.email, found.role, found.user) == (
        "Acme",
        "new@acme.test",
        "editor",
        None,
    )
    user, workspace = invitations.accept_as_new(token, PERSON)
    assert workspaces.find(actor_of(user), workspace.slug)[1] == "editor"
    assert not user.is_operator
    events = audit.list_events(SYSTEM, world.acme.workspace.id, limit=2)
    assert [event.action for event in events] == ["member.join", "invitation.create"]
    assert token not in str([event.changes for event in events])


def test_a_person_who_exists_joins_as_themselves(world: World) -> None:
    token = invite(world, "stranger@other.test", "viewer")
    found = invitations.find(token)
    assert found.user is not None and found.user.id == world.stranger.id
    invitations.accept(token, world.stranger)
    assert workspaces.find(actor_of(world.stranger), "acme")[1] == "viewer"


def test_nobody_else_can_accept(world: World) -> None:
    token = invite(world, "new@acme.test")
    with pytest.raises(NotAllowed):
        invitations.accept(token, world.stranger)
    invitations.find(token)


def test_a_link_works_once_and_for_seven_days(world: World) -> None:
    token = invite(world)
    invitations.accept_as_new(token, PERSON)
    with pytest.raises(NotFound):
        invitations.accept_as_new(token, PERSON)
    late = invite(world, "late@acme.test")
    past = update(OneTimeLink).values(expires_at=utc_now() - timedelta(seconds=1))
    database.transaction(lambda session: session.execute(past) and None)
    with pytest.raises(NotFound):
        invitations.find(late)
    assert invitations.list_open(actor_of(world.owner), world.acme.workspace.id) == []


def test_inviting_again_ends_the_first_link(world: World) -> None:
    first, second = invite(world), invite(world)
    with pytest.raises(NotFound):
        invitations.find(first)
    invitations.find(second)


def test_an_invitation_can_be_taken_back(world: World) -> None:
    token = invite(world)
    (link,) = invitations.list_open(actor_of(world.admin), world.acme.workspace.id)
    with pytest.raises(NotFound):
        invitations.revoke(actor_of(world.stranger), world.other.workspace.id, link.id)
    invitations.revoke(actor_of(world.admin), world.acme.workspace.id, link.id)
    with pytest.raises(NotFound):
        invitations.find(token)


def test_who_may_invite_whom(world: World) -> None:
    home = world.acme.workspace.id
    for who in (world.teammate, world.viewer):
        with pytest.raises(NotAllowed):
            invitations.create(actor_of(who), home, {"email": "a@b.test", "role": "viewer"})
    with pytest.raises(NotFound):
        invitations.create(actor_of(world.stranger), home, {"email": "a@b.test", "role": "viewer"})
    with pytest.raises(NotAllowed):
        invitations.create(actor_of(world.admin), home, {"email": "a@b.test", "role": "owner"})
    invite(world, "boss@acme.test", "owner")
    (link,) = invitations.list_open(actor_of(world.admin), home)
    with pytest.raises(NotAllowed):
        invitations.revoke(actor_of(world.admin), home, link.id)


def test_members_and_nonsense_are_not_invited(world: World) -> None:
    with pytest.raises(Conflict):
        invite(world, "viewer@acme.test")
    with pytest.raises(InvalidFields) as caught:
        invite(world, "nonsense", "king")
    assert set(caught.value.errors) == {"email", "role"}


def test_a_wrong_form_leaves_the_link(world: World) -> None:
    token = invite(world)
    with pytest.raises(InvalidFields):
        invitations.accept_as_new(token, {**PERSON, "password_again": "", "name": ""})
    invitations.find(token)
