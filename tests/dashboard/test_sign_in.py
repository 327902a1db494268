"""Signing in and out: sessions, throttling, where one lands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.dashboard.entrance import safe_path
from app.domain.actors import SYSTEM
from app.extensions import db
from app.models import User
from app.services import people
from tests.databases import settings_for
from tests.world import PASSWORD, World, actor_of, make_person

OWNER = {"email": "owner@acme.test", "password": PASSWORD}


def cookie(answer, name: str = "sluice_session") -> str:  # type: ignore[no-untyped-def]
    return next((c for c in answer.headers.getlist("Set-Cookie") if c.startswith(f"{name}=")), "")


def test_leads_home_and_out_again(client: FlaskClient, world: World) -> None:
    assert client.post("/login", data=OWNER).location == "/"
    assert client.get("/").location == "/w/acme"
    assert client.get("/login").location == "/"
    assert client.post("/logout").location == "/login"
    assert client.get("/w/acme").location == "/login?next=/w/acme"


def test_comes_back_to_the_page_that_was_asked_for(client: FlaskClient, world: World) -> None:
    page = client.get("/login?next=/w/acme/members?a=1")
    assert 'value="/w/acme/members?a=1"' in page.text
    answer = client.post("/login", data={**OWNER, "next": "/w/acme/members?a=1"})
    assert answer.location == "/w/acme/members?a=1"


@pytest.mark.parametrize("email", ["owner@acme.test", "nobody@acme.test", "", "a\x00b"])
def test_every_wrong_try_gets_the_same_answer(client: FlaskClient, world: World, email: str) -> None:
    answer = client.post("/login", data={"email": email, "password": "wrong password"})
    assert answer.status_code == 422
    assert "The e-mail address or the password is not right." in answer.text
    assert "wrong password" not in answer.text


NASTY = [
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "/\t/evil.test",
    "/\n/evil.test",
    "\t//evil.test",
    " //evil.test",
    "https://evil.test",
    "https:evil.test",
    "http:///evil.test",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.test",
    "@evil.test",
    "?next=//evil.test",
    "/\u2028/evil.test",
    "/ｅvil",
    "/a b",
    "/a\r\nSet-Cookie: x=1",
    "/" + "a" * 3000,
    "",
    None,
]


@pytest.mark.parametrize("path", NASTY)
def test_nothing_leads_elsewhere(path: str | None) -> None:
    assert safe_path(path) is None


@pytest.mark.parametrize(
    "path", ["/", "/w/acme", "/w/acme/requests?model=a%2Fb&page=2", "/w/a#b", "/%2F%2Fevil.test"]
)
def test_paths_of_this_site_are_kept(path: str) -> None:
    assert safe_path(path) == path


@pytest.mark.parametrize("path", ["//evil.test", "https://evil.test", "/\\evil.test"])
def test_a_nasty_next_is_forgotten(client: FlaskClient, world: World, path: str) -> None:
    assert "evil" not in client.get("/login", query_string={"next": path}).text
    assert client.post("/login", data={**OWNER, "next": path}).location == "/"
    assert client.get("/login", query_string={"next": path}).location == "/"


def test_a_session_from_before_is_not_carried_over(client: FlaskClient, world: World) -> None:
    with client.session_transaction() as session:
        session["planted"] = "by somebody else"
    client.post("/login", data=OWNER)
    with client.session_transaction() as session:
        assert "planted" not in session
        assert session.permanent


def test_the_cookie_is_for_http_alone_and_lasts_14_days(client: FlaskClient, world: World) -> None:
    kept = cookie(client.post("/login", data=OWNER))
    assert "HttpOnly" in kept and "SameSite=Lax" in kept and "Secure" not in kept
    expires = datetime.strptime(kept.partition("Expires=")[2][:29], "%a, %d %b %Y %H:%M:%S GMT")
    assert abs(expires - datetime.utcnow() - timedelta(days=14)) < timedelta(minutes=1)


@contextmanager
def another_app(path: Path, database_url: str, redis_url: str, **changes: object) -> Iterator[Flask]:
    """The application with other settings."""
    made = create_app(settings_for(path, database_url, redis_url, **changes))
    made.config.update(TESTING=True, WTF_CSRF_METHODS=())
    yield made
    with made.app_context():
        db.engine.dispose()


def test_with_https_every_cookie_is_secure(
    world: World, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    base = "https://sluice.example.com"
    with another_app(tmp_path, database_url, redis_url, base_url=base) as secure:
        answer = secure.test_client().post("/login", data=OWNER, base_url=base)
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 2 and all("Secure" in kept and "HttpOnly" in kept for kept in cookies)


def test_without_a_token_nothing_is_accepted(app: Flask, client: FlaskClient, world: World) -> None:
    app.config["WTF_CSRF_METHODS"] = {"POST"}
    for path in ("/login", "/logout", "/setup/x", "/invite/x", "/reset/x"):
        assert client.post(path, data=OWNER).status_code == 400


def test_too_many_tries_are_told_to_wait(client: FlaskClient, world: World) -> None:
    for _ in range(5):
        assert client.post("/login", data={**OWNER, "password": "wrong password"}).status_code == 422
    answer = client.post("/login", data=OWNER)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 61
    assert "Too many tries. Wait" in answer.text and "owner@acme.test" in answer.text


def test_a_browser_that_signed_in_before_has_tries_of_its_own(app: Flask, world: World) -> None:
    mine, theirs = app.test_client(), app.test_client()
    mine.post("/login", data=OWNER)
    mine.post("/logout")
    for _ in range(6):
        theirs.post("/login", data={**OWNER, "password": "wrong password"})
    assert theirs.post("/login", data=OWNER).status_code == 429
    assert mine.post("/login", data=OWNER).status_code == 303


def test_a_forged_device_cookie_is_nothing(app: Flask, world: World) -> None:
    theirs = app.test_client()
    theirs.set_cookie("sluice_device", "WyJvd25lckBhY21lLnRlc3QiLCJ4Il0.forged")
    for _ in range(5):
        theirs.post("/login", data={**OWNER, "password": "wrong password"})
    assert app.test_client().post("/login", data=OWNER).status_code == 429


def test_addresses_count_apart_and_a_forged_header_is_not_believed(app: Flask, world: World) -> None:
    client = app.test_client()
    for number in range(20):
        form = {"email": f"person{number}@acme.test", "password": "wrong password"}
        client.post("/login", data=form, headers={"X-Forwarded-For": f"198.51.100.{number}"})
    assert client.post("/login", data=OWNER, headers={"X-Forwarded-For": "198.51.100.77"}).status_code == 429
    assert client.post("/login", data=OWNER, environ_base={"REMOTE_ADDR": "203.0.113.7"}).status_code == 303


def test_a_trusted_proxy_is_believed(world: World, tmp_path: Path, database_url: str, redis_url: str) -> None:
    proxies = (ip_network("127.0.0.1/32"),)
    with another_app(tmp_path, database_url, redis_url, trusted_proxies=proxies) as behind:
        client = behind.test_client()
        for number in range(20):
            form = {"email": f"person{number}@acme.test", "password": "wrong password"}
            client.post("/login", data=form, headers={"X-Forwarded-For": "198.51.100.1"})
        for address, status in (("198.51.100.1", 429), ("198.51.100.2", 303)):
            answer = client.post("/login", data=OWNER, headers={"X-Forwarded-For": address})
            assert answer.status_code == status


def test_a_raised_epoch_ends_the_session(world: World, sign_in: Callable[[User], FlaskClient]) -> None:
    client = sign_in(world.owner)
    assert client.get("/w/acme").status_code == 200
    people.sign_out_everywhere(actor_of(world.owner))
    assert client.get("/w/acme").location == "/login?next=/w/acme"


def test_somebody_without_workspace_is_told_whom_to_ask(
    world: World, sign_in: Callable[[User], FlaskClient]
) -> None:
    page = sign_in(make_person("alone@example.com", None, "")).get("/")
    assert page.status_code == 200
    assert "not a member of any workspace" in page.text


def test_a_reset_link_signs_in_with_the_new_password(client: FlaskClient, world: World) -> None:
    url = f"/reset/{people.new_reset_token(SYSTEM, 'owner@acme.test')}"
    assert "owner@acme.test" in client.get(url).text
    wrong = client.post(url, data={"password": "short", "password_again": "short"})
    assert wrong.status_code == 422 and "Use 10 to 200 characters." in wrong.text
    form = {"password": "another good one", "password_again": "another good one"}
    assert client.post(url, data=form).location == "/"
    assert client.get("/").location == "/w/acme"
    assert client.get(url).status_code == 404
    assert "bin/sluice reset-link" in client.post(url, data=form).text
