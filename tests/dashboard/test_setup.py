"""The set-up page, and what stands in front of it."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.services import people

FORM = {
    "name": "Ana",
    "email": "ana@example.com",
    "password": "correct horse battery",
    "password_again": "correct horse battery",
    "workspace": "Acme & Söhne",
}


def new_url() -> str:
    token = people.new_setup_token(SYSTEM)
    return f"/setup/{token}"


def test_leads_to_home_signed_in(client: FlaskClient) -> None:
    url = new_url()
    assert "Set up Sluice" in client.get(url).text
    answer = client.post(url, data=FORM)
    assert (answer.status_code, answer.location) == (303, "/w/acme-s-hne")
    page = client.get(answer.location)
    assert page.status_code == 200
    assert "Acme &amp; Söhne" in page.text and "Try the demo endpoint" in page.text


def test_a_wrong_form_keeps_what_was_typed_but_no_password(client: FlaskClient) -> None:
    answer = client.post(new_url(), data={**FORM, "password_again": "something else"})
    assert answer.status_code == 422
    assert "The two passwords differ." in answer.text
    assert "ana@example.com" in answer.text and "correct horse battery" not in answer.text


def test_a_used_link_says_how_to_get_another(client: FlaskClient) -> None:
    url = new_url()
    client.post(url, data=FORM)
    for answer in (client.get(url), client.post(url, data=FORM), client.get("/setup/nonsense")):
        assert answer.status_code == 404
        assert "bin/sluice setup-link" in answer.text


def test_before_it_the_sign_in_page_names_the_command_but_no_link(client: FlaskClient) -> None:
    url = new_url()
    page = client.get("/login")
    assert page.status_code == 200
    assert "bin/sluice setup-link" in page.text
    assert url.removeprefix("/setup/") not in page.text
    assert client.get("/").location == "/login?next=/"


def test_an_operator_without_workspace_makes_the_first_one(client: FlaskClient, app: Flask) -> None:
    people.create_admin(SYSTEM, email="boss@example.com", password="correct horse battery")
    form = {"email": "boss@example.com", "password": "correct horse battery"}
    assert client.post("/login", data=form).location == "/"
    assert client.get("/").location == "/workspaces/new"
    assert "Make the first workspace" in client.get("/workspaces/new").text
    made = client.post("/workspaces", data={"name": "Acme", "timezone": "Europe/Zurich"})
    assert made.location == "/w/acme"
    assert "Try the demo endpoint" in client.get("/w/acme").text
