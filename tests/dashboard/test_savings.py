"""The page Savings: what was saved against what would have answered otherwise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flask.testing import FlaskClient

from app.database import database
from app.models import ReportedHour, User
from app.services import usage_hours
from tests.usage_world import row, write
from tests.world import World

NOW = datetime.now(UTC)
SignIn = Callable[[User], FlaskClient]


def test_what_was_saved_metered_and_reported_apart(world: World, sign_in: SignIn) -> None:
    url, viewer = f"/w/{world.acme.workspace.slug}/savings", sign_in(world.viewer)
    assert "No calls in this time" in viewer.get(url).text
    dollar = 10**9
    write(row(world.acme, NOW, cost_nano_usd=2 * dollar, savings_nano_usd=6 * dollar, policy_key="support"))
    told = [row(world.acme, NOW, source="reported", cost_nano_usd=dollar, savings_nano_usd=11 * dollar)]
    database.transaction(lambda session: usage_hours.add(session, told, ReportedHour))
    page = viewer.get(f"{url}?by=policy").text
    assert "$6.00" in page and "75 %" in page and "$8.00" in page and "support" in page
    assert "Calls that clients reported" in page and "$11.00" in page and "$17.00" not in page
    lines = viewer.get(f"{url}/export.csv?by=day").text.splitlines()
    assert sorted(line.split(",")[0] for line in lines[1:]) == ["metered", "reported"]
    assert lines[1].endswith("1,2.00,8.00,6.00")


def test_where_nothing_was_saved_it_says_how_to(world: World, sign_in: SignIn) -> None:
    write(row(world.acme, NOW))
    page = (
        sign_in(world.viewer)
        .get(f"/w/{world.acme.workspace.slug}/savings?project={world.acme.project.id}")
        .text
    )
    assert "Nothing was saved in this time" in page and "demo/demo-fast" in page
