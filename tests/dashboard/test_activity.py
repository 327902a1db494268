"""The audit log as people read it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from flask.testing import FlaskClient

from app.dashboard.activity import PAGE_SIZE
from app.dashboard.activity_words import SENTENCES
from app.models import User
from app.services import endpoints, members, projects
from tests.world import World, actor_of

SignIn = Callable[[User], FlaskClient]
URL = "/w/acme/activity"
BUILT = {  # actions whose verb is filled in where they are written
    "budget.activate",
    "budget.change",
    "budget.create",
    "budget.deactivate",
    "credential.activate",
    "credential.deactivate",
    "credit.adjustment",
    "credit.refund",
    "credit.top_up",
    "credit.trial",
    "endpoint.activate",
    "endpoint.deactivate",
    "endpoint.discard",
    "endpoint.draft",
    "endpoint.pin",
    "endpoint.publish",
    "endpoint.share_form",
    "endpoint.unpin",
    "endpoint.unshare_form",
    "example.change",
    "example.create",
    "example.delete",
    "policy.activate",
    "policy.change",
    "policy.create",
    "policy.deactivate",
    "policy.discard",
    "policy.draft",
    "policy.publish",
    "member.leave",
    "member.remove",
    "model.change",
    "model.create",
    "plugin.change",
    "plugin.set_up",
    "alert_rule.change",
    "alert_rule.create",
    "alert_rule.delete",
    "rollout.advance",
    "rollout.promote",
    "rollout.roll_back",
    "rollout.share",
    "rollout.start",
    "rollout.stop",
    "rollout.undo",
    "webhook.change",
    "webhook.create",
    "webhook.delete",
    "webhook.rotate",
}


def test_tells_who_did_what_in_words(world: World, sign_in: SignIn) -> None:
    acme, actor = world.acme, actor_of(world.owner)
    endpoints.save(actor, acme.workspace.id, acme.endpoint.id, {"prompt": "Be <b>kind</b>."})
    members.set_role(actor, acme.workspace.id, world.viewer.id, "editor")
    page = sign_in(world.admin).get(URL).text
    assert "published version 2 of hello" in page
    assert "Be &lt;b&gt;kind&lt;/b&gt;." in page
    assert "changed the role of viewer@acme.test from viewer to editor" in page
    assert "bin/sluice</strong> made the workspace Acme" in page


def test_pages_through_everything_once_and_back(world: World, sign_in: SignIn) -> None:
    actor, home = actor_of(world.owner), world.acme.workspace.id
    for number in range(PAGE_SIZE * 2):
        projects.create(actor, home, {"name": f"Project {number}"})
    client, seen, url = sign_in(world.owner), [], URL
    while url:
        page = client.get(url).text
        seen.append(re.findall(r"made the project (Project \d+)", page))
        older = re.search(r'href="([^"]+before=[^"]+)"', page)
        last, url = url, older[1].replace("&amp;", "&") if older else ""
    assert len(seen) == 3
    assert sum(seen, []) == [f"Project {number}" for number in range(PAGE_SIZE * 2 - 1, -1, -1)]
    newer = re.search(r'href="([^"]+after=[^"]+)"', client.get(last).text)
    assert newer is not None
    back = client.get(newer[1]).text
    assert re.findall(r"made the project (Project \d+)", back) == seen[1]


def test_the_first_page_has_no_newer_one(world: World, sign_in: SignIn) -> None:
    assert "after=" not in sign_in(world.owner).get(URL).text


def test_nonsense_in_the_address_is_ignored(world: World, sign_in: SignIn) -> None:
    assert "made the workspace" in sign_in(world.owner).get(f"{URL}?before=nonsense&after=%00").text


def test_a_page_before_everything_says_so(world: World, sign_in: SignIn) -> None:
    page = sign_in(world.owner).get(f"{URL}?before=00000000-0000-7000-8000-000000000000")
    assert "There are no changes on this page." in page.text


def test_only_admins_may_look_and_strangers_see_nothing(world: World, sign_in: SignIn) -> None:
    assert sign_in(world.admin).get(URL).status_code == 200
    for person in (world.teammate, world.viewer):
        assert sign_in(person).get(URL).status_code == 403
    assert sign_in(world.stranger).get(URL).status_code == 404


def test_every_action_of_a_workspace_has_its_sentence() -> None:
    services = Path(__file__).parents[2] / "app" / "services"
    written = set(BUILT)
    for file in services.rglob("*.py"):
        written |= set(re.findall(r'Change\(\s*"([a-z_.]+)"', file.read_text(encoding="utf-8")))
    assert {action for action in written if not action.startswith("person.")} == set(SENTENCES)
