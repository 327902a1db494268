"""Settings of a workspace, making one, and one's own account."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from app.models import User
from tests.world import PASSWORD, World, make_person

SignIn = Callable[[User], FlaskClient]
NEW = {"current": PASSWORD, "password": "another good one", "password_again": "another good one"}


def test_an_admin_renames_the_workspace_and_sets_its_zone(world: World, sign_in: SignIn) -> None:
    admin = sign_in(world.admin)
    form = {"name": "Acme Ltd", "timezone": "Europe/Zurich"}
    assert admin.post("/w/acme/settings", data=form).location == "/w/acme/settings"
    page = admin.get("/w/acme/settings").text
    assert 'value="Acme Ltd"' in page and 'value="Europe/Zurich"' in page and "Saved." in page


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"name": "", "timezone": "UTC"}, "Please fill this in."),
        ({"name": "Other", "timezone": "UTC"}, "There is a workspace of this name already."),
        ({"name": "Acme", "timezone": "Moon"}, "Pick a time zone such as Europe/Zurich."),
    ],
)
def test_a_wrong_form_comes_back(world: World, sign_in: SignIn, form: dict, text: str) -> None:
    answer = sign_in(world.owner).post("/w/acme/settings", data=form)
    assert answer.status_code == 422
    assert text in answer.text and f'value="{form["timezone"]}"' in answer.text


def test_lesser_roles_have_no_settings(world: World, sign_in: SignIn) -> None:
    for person in (world.teammate, world.viewer):
        client = sign_in(person)
        assert client.get("/w/acme/settings").status_code == 403
        assert client.post("/w/acme/settings", data={"name": "x", "timezone": "UTC"}).status_code == 403
        assert "/w/acme/settings" not in client.get("/w/acme").text


def test_an_operator_sees_the_workspaces_and_makes_another(world: World, sign_in: SignIn) -> None:
    boss = sign_in(make_person("boss@acme.test", world.acme.workspace, "owner", operator=True))
    assert "New workspace" in boss.get("/w/acme/settings").text
    assert boss.post("/workspaces", data={"name": "Third", "timezone": "UTC"}).location == "/w/third"
    assert "with a demo project" in boss.get("/w/third").text
    assert ">Third</a>" in boss.get("/w/third/settings").text
    taken = boss.post("/workspaces", data={"name": "Acme", "timezone": "UTC"})
    assert taken.status_code == 422 and "There is a workspace of this name already." in taken.text


def test_others_cannot_make_a_workspace(world: World, sign_in: SignIn) -> None:
    owner = sign_in(world.owner)
    assert "New workspace" not in owner.get("/w/acme/settings").text
    assert owner.get("/workspaces/new").status_code == 403
    assert owner.post("/workspaces", data={"name": "Mine", "timezone": "UTC"}).status_code == 403


def test_one_changes_ones_name(world: World, sign_in: SignIn) -> None:
    viewer = sign_in(world.viewer)
    assert viewer.post("/account", data={"name": "Vi"}).location == "/account"
    assert 'value="Vi"' in viewer.get("/account").text
    assert viewer.post("/account", data={"name": ""}).status_code == 422


def test_a_new_password_keeps_this_session_and_ends_the_others(
    client: FlaskClient, world: World, sign_in: SignIn
) -> None:
    here, there = sign_in(world.viewer), sign_in(world.viewer)
    assert here.post("/account/password", data=NEW).location == "/account"
    assert "Your password is changed." in here.get("/account").text
    assert there.get("/account").status_code == 303
    form = {"email": "viewer@acme.test", "password": "another good one"}
    assert client.post("/login", data=form).status_code == 303


def test_a_new_password_needs_the_current_one(world: World, sign_in: SignIn) -> None:
    viewer = sign_in(world.viewer)
    wrong = viewer.post("/account/password", data={**NEW, "current": "wrong password"})
    assert wrong.status_code == 422 and "This is not your current password." in wrong.text
    differ = viewer.post("/account/password", data={**NEW, "password_again": "x"})
    assert differ.status_code == 422 and "The two passwords differ." in differ.text
    for _ in range(4):
        viewer.post("/account/password", data={**NEW, "current": "wrong password"})
    assert viewer.post("/account/password", data=NEW).status_code == 429


def test_signing_out_everywhere_ends_this_session_too(world: World, sign_in: SignIn) -> None:
    here, there = sign_in(world.viewer), sign_in(world.viewer)
    assert here.post("/account/sessions").location == "/login"
    assert "You are signed out everywhere." in here.get("/login").text
    assert there.get("/account").status_code == 303
