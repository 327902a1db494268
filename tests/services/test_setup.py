"""The first set-up: everything or nothing, once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.errors import InvalidFields, NotFound
from app.models import OneTimeLink, User, Workspace
from app.models.columns import utc_now
from app.services import endpoints, people, projects, setup, workspaces
from tests.world import make_person

FIELDS = {
    "name": "Ana",
    "email": " Ana@Example.com ",
    "password": "correct horse battery",
    "password_again": "correct horse battery",
    "workspace": "Acme",
}


def new_token() -> str:
    token = people.new_setup_token(SYSTEM)
    assert token is not None
    return token


def count(model: type) -> int:
    return database.read(lambda session: session.scalar(select(func.count()).select_from(model)) or 0)


def test_makes_the_operator_the_workspace_and_a_working_demo_endpoint(app: Flask) -> None:
    start = setup.run(new_token(), FIELDS, "Europe/Zurich")
    actor = people.as_actor(start.user)
    assert (start.user.email, start.user.is_operator) == ("ana@example.com", True)
    assert (start.workspace.name, start.workspace.timezone) == ("Acme", "Europe/Zurich")
    assert workspaces.find(actor, "acme")[1] == "owner"
    (project,) = projects.list_all(actor, start.workspace.id)
    (view,) = endpoints.list_all(actor, start.workspace.id, project.id)
    assert (view.endpoint.slug, view.config.model, view.config.streaming_enabled) == (
        "hello",
        "demo/demo-fast",
        True,
    )


def test_a_link_works_once(app: Flask) -> None:
    token = new_token()
    setup.run(token, FIELDS, "UTC")
    with pytest.raises(NotFound):
        setup.run(token, {**FIELDS, "email": "eve@example.com", "workspace": "Eve"}, "UTC")
    assert people.new_setup_token(SYSTEM) is None
    assert count(User) == 1


def test_a_newer_link_ends_the_older(app: Flask) -> None:
    old, new = new_token(), new_token()
    with pytest.raises(NotFound):
        setup.check_link(old)
    setup.check_link(new)


def test_an_old_link_has_expired(app: Flask) -> None:
    token = new_token()
    past = update(OneTimeLink).values(expires_at=utc_now() - timedelta(seconds=1))
    database.transaction(lambda session: session.execute(past) and None)
    with pytest.raises(NotFound):
        setup.run(token, FIELDS, "UTC")


def test_a_link_ends_when_somebody_else_became_operator(app: Flask) -> None:
    token = new_token()
    people.create_admin(SYSTEM, email="boss@example.com", password="correct horse battery")
    with pytest.raises(NotFound):
        setup.run(token, FIELDS, "UTC")
    assert count(Workspace) == 0


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"name": ""}, {"name"}),
        ({"email": "ana"}, {"email"}),
        ({"email": "a\x00b@example.com"}, {"email"}),
        ({"password": "short", "password_again": "short"}, {"password"}),
        ({"password_again": "something else"}, {"password_again"}),
        ({"workspace": " "}, {"workspace"}),
        ({"name": "", "email": "", "workspace": ""}, {"name", "email", "workspace"}),
    ],
)
def test_a_wrong_form_says_what_and_leaves_the_link(app: Flask, wrong: dict, fields: set) -> None:
    token = new_token()
    with pytest.raises(InvalidFields) as caught:
        setup.run(token, {**FIELDS, **wrong}, "UTC")
    assert set(caught.value.errors) == fields
    setup.check_link(token)
    assert (count(User), count(Workspace)) == (0, 0)


def test_an_address_in_use_rolls_everything_back(app: Flask) -> None:
    make_person("ana@example.com", None, "")
    token = new_token()
    with pytest.raises(InvalidFields) as caught:
        setup.run(token, FIELDS, "UTC")
    assert set(caught.value.errors) == {"email"}
    setup.check_link(token)
    assert count(Workspace) == 0
