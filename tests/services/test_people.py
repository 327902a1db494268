"""What people may change about themselves, and the links that let them back in."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.errors import InvalidFields, InvalidInput, NotAllowed, NotFound
from app.models import AuditEvent, OneTimeLink
from app.services import passwords, people
from tests.world import PASSWORD, World, actor_of

NEW = {"password": "another good one", "password_again": "another good one"}


def test_a_reset_link_sets_a_password_and_ends_every_session(world: World) -> None:
    token = people.new_reset_token(SYSTEM, " Owner@Acme.test ")
    assert people.find_reset(token).id == world.owner.id
    user = people.reset_password(token, NEW)
    assert user.session_epoch == world.owner.session_epoch + 1
    assert passwords.is_right("another good one", user.password_hash)
    assert not passwords.is_right(PASSWORD, user.password_hash)


def test_a_reset_link_works_once_and_only_the_newest(world: World) -> None:
    old, new = (people.new_reset_token(SYSTEM, "owner@acme.test") for _ in range(2))
    with pytest.raises(NotFound):
        people.reset_password(old, NEW)
    people.reset_password(new, NEW)
    with pytest.raises(NotFound):
        people.reset_password(new, NEW)


def test_a_reset_link_is_no_other_kind_of_link(world: World) -> None:
    token = people.new_reset_token(SYSTEM, "owner@acme.test")
    people_setup = people.new_setup_token(SYSTEM)
    assert people_setup is not None
    with pytest.raises(NotFound):
        people.find_reset(people_setup)
    people.find_reset(token)


def test_only_the_hash_of_a_token_is_kept(world: World) -> None:
    token = people.new_reset_token(SYSTEM, "owner@acme.test")
    (link,) = database.read(lambda session: list(session.scalars(select(OneTimeLink))))
    assert token.encode() not in bytes(link.token_hash)
    (event,) = [e for e in all_events() if e.action == "person.make_reset_link"]
    assert token not in str(event.changes)


def test_reset_links_are_made_by_the_system_for_people_who_exist(world: World) -> None:
    with pytest.raises(NotAllowed):
        people.new_reset_token(actor_of(world.owner), "owner@acme.test")
    with pytest.raises(NotFound):
        people.new_reset_token(SYSTEM, "nobody@acme.test")
    with pytest.raises(InvalidInput):
        people.new_reset_token(SYSTEM, "nonsense")


def test_changing_a_password_raises_the_epoch(world: World) -> None:
    assert people.change_password(actor_of(world.viewer), NEW).session_epoch == 1
    with pytest.raises(InvalidFields):
        people.change_password(actor_of(world.viewer), {**NEW, "password_again": "different words"})


def test_signing_out_everywhere_raises_the_epoch(world: World) -> None:
    people.sign_out_everywhere(actor_of(world.viewer))
    user = people.get(world.viewer.id)
    assert user is not None and user.session_epoch == 1


def test_a_name_can_be_changed_and_the_change_is_logged(world: World) -> None:
    assert people.update(actor_of(world.viewer), {"name": " Vi "}).name == "Vi"
    (event,) = [event for event in all_events() if event.action == "person.change"]
    assert event.changes == {"name": ["Viewer", "Vi"]}
    with pytest.raises(InvalidInput):
        people.update(actor_of(world.viewer), {"name": ""})


def test_create_admin_makes_an_operator_who_owns_every_workspace(world: World) -> None:
    boss = people.create_admin(SYSTEM, email="boss@example.com", password="correct horse battery")
    again = people.create_admin(SYSTEM, email="BOSS@example.com", password="another good one")
    assert (again.id, again.session_epoch) == (boss.id, 1)
    with pytest.raises(NotAllowed):
        people.create_admin(actor_of(world.owner), email="x@example.com", password="correct horse battery")


def all_events() -> list[AuditEvent]:
    return database.read(lambda session: list(session.scalars(select(AuditEvent))))
