"""Home: empty, for a newcomer, and full; by role."""

from __future__ import annotations

from collections.abc import Callable

from flask.testing import FlaskClient

from app.models import User
from tests.world import World

SignIn = Callable[[User], FlaskClient]


def call(client: FlaskClient, world: World, slug: str = "hello") -> None:
    tenant = world.acme
    client.post(f"/api/{tenant.project.id}/{slug}", json={"message": "Hi"}, headers=tenant.headers)


def test_a_newcomer_is_led_by_the_hand(world: World, sign_in: SignIn) -> None:
    page = sign_in(world.owner).get("/w/acme").text
    assert "First steps" in page and "1 of 5 done" in page
    assert f"/w/acme/endpoints/{world.acme.endpoint.id}/try" in page
    assert "Calls per hour" not in page


def test_once_there_are_calls_their_numbers_are_shown_below_the_steps(
    client: FlaskClient, world: World, sign_in: SignIn
) -> None:
    call(client, world)
    call(client, world, "absent")
    page = sign_in(world.owner).get("/w/acme").text
    assert "Calls per hour" in page and "Busiest endpoints" in page and "Latest calls" in page
    assert page.index("First steps") < page.index("Calls per hour")
    assert "0 % of calls; 1 refused" in page


def test_an_editor_gets_no_link_to_what_admins_do(world: World, sign_in: SignIn) -> None:
    page = sign_in(world.teammate).get("/w/acme").text
    assert "First steps" in page and "/providers/new" not in page


def test_a_viewer_gets_no_steps(world: World, sign_in: SignIn) -> None:
    page = sign_in(world.viewer).get("/w/acme").text
    assert "No calls yet" in page and "First steps" not in page


def test_the_numbers_renew_themselves_as_a_part(client: FlaskClient, world: World, sign_in: SignIn) -> None:
    call(client, world)
    part = sign_in(world.viewer).get("/w/acme", headers={"HX-Request": "true"})
    assert part.text.lstrip().startswith('<div id="day"') and "<html" not in part.text


def test_it_remembers_the_workspace_used_last(world: World, sign_in: SignIn) -> None:
    client = sign_in(world.owner)
    assert client.get("/").location == "/w/acme"
    with client.session_transaction() as session:
        session["workspace"] = "other"
    assert client.get("/").location == "/w/acme"


def test_strangers_get_a_404(world: World, sign_in: SignIn) -> None:
    assert sign_in(world.stranger).get("/w/acme").status_code == 404
