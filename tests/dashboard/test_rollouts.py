"""Rollouts in the dashboard: begun with one click, followed, moved, taken back, finished and undone."""

from __future__ import annotations

from typing import Any

import pytest

from app.database import database
from app.domain.actors import SYSTEM
from app.services import arm_counts, endpoints, policies, rollout_history, rollouts
from tests.dashboard.test_endpoints import save

PART = {"HX-Request": "true"}


@pytest.fixture
def person(world, sign_in):
    return sign_in(world.teammate)


@pytest.fixture
def place(world) -> str:
    """The address of the rollouts of an endpoint with a draft."""
    acme = world.acme
    endpoints.save(SYSTEM, acme.workspace.id, acme.endpoint.id, {"prompt": "Be brief."}, publish=False)
    return f"/w/acme/endpoints/{acme.endpoint.id}/rollouts"


def current(world):
    return rollout_history.current(SYSTEM, world.acme.workspace.id, "endpoint", world.acme.endpoint.id)


def feed(rollout_id: str, arm: str, calls: int, *, failed: int = 0) -> None:
    """Count calls of one side."""
    row = {"rollout_id": rollout_id, "arm": arm, "cost_nano_usd": 1000, "duration_ms": 500, "status": 200}
    rows: list[dict[str, Any]] = [
        {**row, "outcome": "failed" if number < failed else "succeeded"} for number in range(calls)
    ]
    database.transaction(lambda session: arm_counts.add(session, rows))


def submitted(page: Any) -> dict[str, str]:
    """Return what the form sends as it stands."""
    assert "Start the rollout" in page.text
    return {
        "number": "2", "begin": "canary", "steps": "1, 10, 50, 100", "pace": "alone", "step_minutes": "60",
        "step_calls": "100", "guarded": "1", "least_calls": "20", "most_more_errors_points": "2",
        "most_more_guardrails_points": "5", "most_slower_percent": "25", "most_dearer_percent": "20",
        "shadow_percent": "100",
    }  # fmt: skip


def test_one_click_begins_it_and_the_page_says_what_happens(world, person, place):
    assert "roll it out step by step" in person.get(f"/w/acme/endpoints/{world.acme.endpoint.id}").text
    answer = person.post(place, data=submitted(person.get(f"{place}?version=2")))
    assert answer.status_code == 303, answer.text
    row = current(world)
    assert (row.share, row.plan["step_minutes"]) == (100, 60)
    page = person.get(f"/w/acme/rollouts/{row.id}").text
    assert "1 % of your end users get version 2; everybody else gets version 1." in page
    assert "Too few calls to tell: 0 with the new version, 0 with the old one." in page
    assert "Next step in 60 minutes and after 100 more calls, if nothing gets worse." in page
    feed(row.id, "old", 200)
    feed(row.id, "new", 30)
    page = person.get(f"/w/acme/rollouts/{row.id}").text
    assert "Version 2 is not worse so far." in page and "after 70 more calls" in page
    assert person.get(place).headers["Location"].endswith(row.id)
    overview = person.get(f"/w/acme/endpoints/{world.acme.endpoint.id}").text
    assert "Version 2 is on its way" in overview and "roll it out step by step" not in overview
    versions = person.get(f"/w/acme/endpoints/{world.acme.endpoint.id}/versions").text
    assert "A rollout of version 2 is under way" in versions and "Being rolled out" in versions
    assert "Publish version 2" not in versions


def test_it_is_moved_promoted_and_undone(world, person, place):
    row = rollouts.start(SYSTEM, world.acme.workspace.id, "endpoint", world.acme.endpoint.id, 2)
    url = f"/w/acme/rollouts/{row.id}"
    person.post(f"{url}/advance", data={"at": "100"})
    person.post(f"{url}/advance", data={"at": "100"})  # twice from the same page: once
    assert current(world).share == 1_000
    person.post(f"{url}/share", data={"share": "12.5"})
    assert current(world).share == 1_250
    assert "Must be per cent" in person.post(f"{url}/share", data={"share": "120"}).text
    person.post(f"{url}/share", data={"share": "0"})
    assert current(world).state == "SHADOW"
    person.post(f"{url}/promote")
    view = endpoints.find(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id)
    assert current(world) is None and view.version.number == 2
    page = person.get(url).text
    assert "Version 2 went live for everybody." in page and "By teammate@acme.test" in page
    person.post(f"{url}/undo")
    view = endpoints.find(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id)
    assert view.version.number == 1
    assert "Version 2 was live, until somebody went back to version 1." in person.get(url).text


def test_a_worse_version_says_why_it_was_taken_back_and_can_go_on(world, person, place):
    row = rollouts.start(SYSTEM, world.acme.workspace.id, "endpoint", world.acme.endpoint.id, 2)
    url = f"/w/acme/rollouts/{row.id}"
    before = person.get(f"{url}/live?seen=CANARY-100-", headers=PART)
    assert 'hx-trigger="every 5s"' in before.text
    feed(row.id, "old", 100)
    feed(row.id, "new", 40, failed=40)
    moved = person.get(f"{url}/live?seen=CANARY-100-", headers=PART)
    assert (moved.status_code, moved.headers["HX-Refresh"]) == (204, "true")
    page = person.get(url).text
    assert "Rolled back: everybody gets version 1 again." in page
    assert "By itself, after 40 calls of the new version. Errors: 100 % against 0 %" in page
    assert "hx-trigger" not in page.split('id="rollout"')[1].split(">")[0]
    again = person.post(f"{url}/undo").headers["Location"]
    assert "/rollouts/" in again and not again.endswith(row.id)
    person.post(f"{again}/roll-back", data={"reason": ""})
    assert current(world) is None
    person.post(f"/w/acme/rollouts/{row.id}/stop")  # over: nothing happens
    assert [each.outcome for each in past(world)] == ["rolled_back", "rolled_back"]


def past(world):
    return rollout_history.list_all(SYSTEM, world.acme.workspace.id, "endpoint", world.acme.endpoint.id)


def test_wrong_plans_come_back_as_typed_and_a_plan_can_be_kept(world, person, place):
    fields = {**submitted(person.get(place)), "steps": "10, 5", "least_calls": "0"}
    refused = person.post(place, data=fields)
    assert refused.status_code == 422 and 'value="10, 5"' in refused.text
    assert "Write per cents that grow" in refused.text and '<details class="stack" open>' in refused.text
    kept = person.post(f"{place}/plan", data={**fields, "steps": "5, 100", "least_calls": "30"})
    assert kept.status_code == 303
    assert "New versions go live step by step" in person.get(place).text
    person.post(f"/w/acme/endpoints/{world.acme.endpoint.id}/versions/2/publish", data={"anyway": "1"})
    assert current(world).share == 500
    busy = person.post(f"/w/acme/endpoints/{world.acme.endpoint.id}/versions/2/publish", data={"anyway": "1"})
    assert busy.status_code == 422 and "A rollout of version 2 is under way" in busy.text
    rollouts.stop(SYSTEM, world.acme.workspace.id, current(world).id)
    saved = save(person, world.acme, "prompt", prompt="Be very brief.")
    assert saved.headers["Location"].endswith(f"/rollouts/{current(world).id}")
    rollouts.stop(SYSTEM, world.acme.workspace.id, current(world).id)
    person.post(f"{place}/plan", data={"at_once": "1"})
    assert "New versions go live step by step" not in person.get(place).text


def test_a_policys_rollout_stands_in_its_own_frame(world, person):
    acme = world.acme
    view = policies.create(
        SYSTEM, acme.workspace.id, acme.project.id, {"key": "support", "name": "Support chat"}
    )
    rule = {"label": "All", "action": "DOWNGRADE", "models": ["demo/demo-fast"]}
    policies.save(SYSTEM, acme.workspace.id, view.policy.id, {"rules": [rule]}, live=False)
    place = f"/w/acme/policies/{view.policy.id}/rollouts"
    person.post(place, data={**submitted(person.get(place)), "begin": "shadow"})
    row = rollout_history.current(SYSTEM, acme.workspace.id, "policy", view.policy.id)
    page = person.get(f"/w/acme/rollouts/{row.id}").text
    assert "Version 2 is asked beside it, in shadow" in page and "Support chat" in page
    assert "Version 2 is on its way" in person.get(f"/w/acme/policies/{view.policy.id}").text


def test_at_once_says_that_nobody_watches(world, person, place):
    person.post(place, data={**submitted(person.get(place)), "begin": "full"})
    row = current(world)
    assert row.state == "FULL"
    page = person.get(f"/w/acme/rollouts/{row.id}").text
    assert "Everybody gets version 2" in page and "Nobody rolls it back but you." in page
    assert "it is rolled back automatically" not in page


def test_a_plan_is_kept_before_there_is_anything_to_roll_out(world, person):
    url = f"/w/acme/endpoints/{world.acme.endpoint.id}/rollouts"
    page = person.get(url).text
    assert "There is nothing to roll out yet" in page and "Keep this plan" in page
    person.post(f"{url}/plan", data={"steps": "20, 100", "guarded": "1", "pace": "hand"})
    assert "20 % → 100 %, each step begun by hand." in person.get(url).text
    save(person, world.acme, "prompt", prompt="Be brief.")
    assert current(world).share == 2_000
