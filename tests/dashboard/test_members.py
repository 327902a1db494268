"""The Members page and the page of an invitation."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask.testing import FlaskClient

from app.models import User
from app.services import invitations
from tests.world import PASSWORD, World, actor_of

SignIn = Callable[[User], FlaskClient]
PERSON = {"name": "New", "password": "correct horse battery", "password_again": "correct horse battery"}
FORM = {"email": "new@acme.test", "role": "editor"}


def invite_url(world: World, email: str = "new@acme.test") -> str:
    token = invitations.create(
        actor_of(world.owner), world.acme.workspace.id, {"email": email, "role": "editor"}
    )
    return f"/invite/{token}"


def test_an_invitation_is_shown_once_and_leads_into_the_workspace(
    client: FlaskClient, world: World, sign_in: SignIn
) -> None:
    owner = sign_in(world.owner)
    page = owner.post("/w/acme/members/invitations", data=FORM)
    assert page.status_code == 200
    link = re.search(r"http://localhost(/invite/[\w-]+)", page.text)
    assert link is not None
    listed = owner.get("/w/acme/members").text
    assert "new@acme.test" in listed and "/invite/" not in listed
    assert "Join Acme" in client.get(link[1]).text
    assert client.post(link[1], data=PERSON).location == "/w/acme"
    assert client.get("/w/acme").status_code == 200
    assert client.get(link[1]).status_code == 404


def test_a_person_who_exists_joins_with_their_password(client: FlaskClient, world: World) -> None:
    url = invite_url(world, "stranger@other.test")
    page = client.get(url).text
    assert "already sign in with" in page and "Your name" not in page
    wrong = client.post(url, data={"password": "wrong password"})
    assert wrong.status_code == 422 and "The password is not right." in wrong.text
    assert client.post(url, data={"password": PASSWORD}).location == "/w/acme"
    assert client.get("/w/acme").status_code == 200


def test_guessing_a_password_there_is_throttled_too(client: FlaskClient, world: World) -> None:
    url = invite_url(world, "stranger@other.test")
    for _ in range(5):
        client.post(url, data={"password": "wrong password"})
    answer = client.post(url, data={"password": PASSWORD})
    assert answer.status_code == 429 and "Retry-After" in answer.headers


def test_signed_in_it_takes_one_click(world: World, sign_in: SignIn) -> None:
    url = invite_url(world, "stranger@other.test")
    client = sign_in(world.stranger)
    assert 'type="password"' not in client.get(url).text
    assert client.post(url).location == "/w/acme"
    assert client.get("/w/acme").status_code == 200


def test_signed_in_as_somebody_else_one_is_asked_to_sign_out(world: World, sign_in: SignIn) -> None:
    page = sign_in(world.stranger).get(invite_url(world))
    assert "this invitation is for new@acme.test" in page.text


def test_a_wrong_new_person_is_told_what(client: FlaskClient, world: World) -> None:
    answer = client.post(invite_url(world), data={**PERSON, "name": "", "password_again": "x"})
    assert answer.status_code == 422
    assert "Please fill this in." in answer.text and "The two passwords differ." in answer.text


def test_an_admin_changes_roles_and_removes(world: World, sign_in: SignIn) -> None:
    admin, member = sign_in(world.admin), f"/w/acme/members/{world.viewer.id}"
    assert admin.post(f"{member}/role", data={"role": "editor"}).location == "/w/acme/members"
    assert "Viewer has a new role." in admin.get("/w/acme/members").text
    assert admin.post(f"{member}/remove").location == "/w/acme/members"
    assert sign_in(world.viewer).get("/w/acme").status_code == 404


def test_an_admin_sees_no_button_for_owners_and_is_refused(world: World, sign_in: SignIn) -> None:
    admin, member = sign_in(world.admin), f"/w/acme/members/{world.owner.id}"
    page = admin.get("/w/acme/members").text
    assert f"{member}/role" not in page and f"{member}/remove" not in page
    assert admin.post(f"{member}/remove").status_code == 403
    assert admin.post(f"{member}/role", data={"role": "viewer"}).status_code == 403


def test_the_last_owner_is_told_why_not(world: World, sign_in: SignIn) -> None:
    owner, member = sign_in(world.owner), f"/w/acme/members/{world.owner.id}"
    assert f"{member}/remove" not in owner.get("/w/acme/members").text
    for path, data in (("remove", {}), ("role", {"role": "viewer"})):
        answer = owner.post(f"{member}/{path}", data=data)
        assert answer.status_code == 422
        assert "A workspace needs an owner." in answer.text


def test_the_last_owner_cannot_leave_nor_anybody_what_is_not_theirs(world: World, sign_in: SignIn) -> None:
    owner = sign_in(world.owner)
    assert owner.post("/account/leave", data={"workspace": "acme"}).location == "/w/acme/members"
    assert "A workspace needs an owner." in owner.get("/w/acme/members").text
    assert owner.post("/account/leave", data={"workspace": "other"}).status_code == 404


def test_a_viewer_sees_people_but_no_buttons_and_may_leave(world: World, sign_in: SignIn) -> None:
    viewer = sign_in(world.viewer)
    page = viewer.get("/w/acme/members").text
    assert "owner@acme.test" in page
    assert "Invite somebody" not in page and "/role" not in page
    assert viewer.post("/w/acme/members/invitations", data=FORM).status_code == 403
    assert viewer.post("/account/leave", data={"workspace": "acme"}).location == "/"
    assert viewer.get("/w/acme").status_code == 404


def test_a_wrong_invitation_keeps_what_was_typed(world: World, sign_in: SignIn) -> None:
    answer = sign_in(world.owner).post(
        "/w/acme/members/invitations", data={"email": "viewer@acme.test", "role": "admin"}
    )
    assert answer.status_code == 422
    assert "This person is a member already." in answer.text and 'value="viewer@acme.test"' in answer.text


def test_taking_an_invitation_back_ends_its_link(client: FlaskClient, world: World, sign_in: SignIn) -> None:
    url = invite_url(world)
    (link,) = invitations.list_open(actor_of(world.owner), world.acme.workspace.id)
    path = f"/w/acme/members/invitations/{link.id}/revoke"
    assert sign_in(world.admin).post(path).location == "/w/acme/members"
    assert client.get(url).status_code == 404
