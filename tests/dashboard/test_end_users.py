"""The pages of end users: listed, looked at one by one, and erased on request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from app.database import database
from app.domain.actors import SYSTEM
from app.models import ReportedHour, User
from app.services import policies, rollouts, usage_hours
from tests.providers_world import records
from tests.usage_world import row, write
from tests.world import World

NOW = datetime.now(UTC)
SignIn = Callable[[User], FlaskClient]


@pytest.fixture
def used(world: World) -> None:
    """Ann called twice and was reported once; Bob called once, long ago."""
    ann = {"end_user": "ann <b>", "policy_key": "support"}
    write(
        row(world.acme, NOW, **ann, cost_nano_usd=2_000_000_000),
        row(world.acme, NOW, **ann, outcome="failed", cost_nano_usd=0),
        row(world.acme, NOW - timedelta(days=40), end_user="bob"),
        row(world.other, NOW, end_user="eve"),
    )
    told = [row(world.acme, NOW, end_user="ann <b>", source="reported", cost_nano_usd=5_000_000_000)]
    database.transaction(lambda session: usage_hours.add(session, told, ReportedHour))


def url(world: World, path: str = "") -> str:
    return f"/w/{world.acme.workspace.slug}/end-users{path}"


def test_they_are_listed_with_what_they_used(world: World, used: None, sign_in: SignIn) -> None:
    viewer = sign_in(world.viewer)
    page = viewer.get(url(world)).text
    assert "ann &lt;b&gt;" in page and "$2.00" in page and "$5.00" in page
    assert "bob" not in page and "eve" not in page
    assert "bob" in viewer.get(url(world, "?range=90d&q=BO")).text
    assert "Nobody is called like that" in viewer.get(url(world, "?q=zoe")).text
    lines = viewer.get(url(world, "/export.csv")).text.splitlines()
    assert lines[0].startswith("end_user,calls,errors,blocked,cost_usd,reported_calls,reported_usd")
    assert len(lines) == 2 and lines[1].startswith("ann <b>,2,1,0,2.00,1,5.00,")


def test_one_of_them_with_their_side_of_a_rollout(world: World, used: None, sign_in: SignIn) -> None:
    place = world.acme.workspace.id
    made = policies.create(SYSTEM, place, world.acme.project.id, {"key": "support", "rules": []})
    rule = [{"label": "Nobody", "action": "BLOCK", "message": "Closed."}]
    policies.save(SYSTEM, place, made.policy.id, {"rules": rule}, live=False)
    rollouts.start(SYSTEM, place, "policy", made.policy.id, 2, {"state": "FULL"})
    page = sign_in(world.viewer).get(url(world, "/one?user=ann+<b>")).text
    assert "ann &lt;b&gt;" in page and "new version" in page and "demo/demo-fast" in page
    newest = next(r for r in records() if r.end_user == "ann <b>")
    assert "reported 1 call" in page and f"/requests/{newest.id}" in page
    assert "Erase" not in page
    assert sign_in(world.viewer).get(url(world, "/one?user=nobody")).status_code == 404


def test_an_admin_erases_one_after_saying_so(world: World, used: None, sign_in: SignIn) -> None:
    form = {"user": "ann <b>"}
    assert sign_in(world.teammate).post(url(world, "/erase"), data={**form, "sure": "yes"}).status_code == 403
    admin = sign_in(world.admin)
    assert "Erase this end user" in admin.get(url(world, "/one?user=ann+<b>")).text
    admin.post(url(world, "/erase"), data=form)
    assert {r.end_user for r in records()} == {"ann <b>", "bob", "eve"}
    admin.post(url(world, "/erase"), data={**form, "sure": "yes"})
    assert {r.end_user for r in records()} == {"(erased)", "bob", "eve"}
    assert "ann &lt;" not in admin.get(url(world)).text
    assert admin.get(url(world, "/one?user=ann+<b>")).status_code == 404
    assert "erased an end user" in admin.get(f"/w/{world.acme.workspace.slug}/activity").text
