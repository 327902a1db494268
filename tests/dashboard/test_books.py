"""The books in the dashboard: a line for admins, and a page that says what was found and what to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.domain.books import CHECKS, Finding
from app.models import User
from app.services.books import last
from tests.world import World, make_person

SignIn = Callable[[User], FlaskClient]


def keep(*workspaces: str, age: timedelta = timedelta()) -> None:
    """Keep a result with one finding in each of these workspaces."""
    found = [
        Finding("held", each, "account “<b>Main</b>”", "$0.00 held", "$1.00 held") for each in workspaces
    ]
    last.keep(datetime.now(UTC) - age, found, everything=False)


def test_admins_see_that_all_is_right_and_what_is_checked(world: World, sign_in: SignIn) -> None:
    keep(world.other.workspace.id)
    client = sign_in(world.admin)
    for path in ("/w/acme", "/w/acme/credits"):
        page = client.get(path).text
        assert "Books: all right" in page and "/w/acme/books" in page
    page = client.get("/w/acme/books").text
    assert all(check.title in page for check in CHECKS.values() if not check.is_report)
    assert "$1.00 held" not in page and "In other workspaces" not in page


def test_a_finding_is_shown_with_what_to_do(world: World, sign_in: SignIn) -> None:
    keep(world.acme.workspace.id)
    client = sign_in(world.admin)
    home = client.get("/w/acme").text
    assert "The books do not add up" in home and "Books: 1 finding" in home
    assert "Books: 1 finding" in client.get("/w/acme/credits").text
    page = client.get("/w/acme/books").text
    assert "$0.00 held" in page and "$1.00 held" in page and CHECKS["held"].title in page
    assert "&lt;b&gt;Main" in page and "<b>Main" not in page


@pytest.mark.parametrize("path", ["/w/acme", "/w/acme/credits"])
def test_others_see_nothing_of_it(world: World, sign_in: SignIn, path: str) -> None:
    keep(world.acme.workspace.id)
    for person in (world.teammate, world.viewer):
        client = sign_in(person)
        assert "Books:" not in client.get(path).text
        assert client.get("/w/acme/books").status_code == 403


def test_a_check_that_stopped_coming_is_told(world: World, sign_in: SignIn) -> None:
    keep(age=timedelta(hours=1))
    client = sign_in(world.admin)
    assert "Books: not checked lately" in client.get("/w/acme").text
    assert "The last check is long ago" in client.get("/w/acme/books").text


def test_before_the_first_check_and_without_redis(app: Flask, world: World, sign_in: SignIn) -> None:
    client = sign_in(world.admin)
    assert "Not checked yet" in client.get("/w/acme/books").text
    assert "Books:" not in client.get("/w/acme").text


def test_an_operator_is_told_of_other_workspaces(world: World, sign_in: SignIn) -> None:
    keep(world.other.workspace.id)
    operator = make_person("operator@acme.test", world.acme.workspace, "owner", operator=True)
    page = sign_in(operator).get("/w/acme/books").text
    assert "In other workspaces" in page and "Other" in page
