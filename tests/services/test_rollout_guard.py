"""The guard: what is counted of each arm, and how that takes a version back or lets it go on, by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.database import database
from app.domain.actors import SYSTEM
from app.models import Alert, ArmCount, DailySpend, Endpoint, Rollout, UsageHour
from app.services import alert_mails, endpoints, records, rollout_guard, rollouts
from tests.providers_world import records as stored
from tests.usage_world import row, write
from tests.world import actor_of

PLAN = {"steps": [10, 50, 100], "step_minutes": 5, "step_calls": 30}


@pytest.fixture
def rollout(world):
    """A rollout of version 2 of `hello` to 10 %."""
    place = world.acme.workspace.id, world.acme.endpoint.id
    endpoints.save(SYSTEM, *place, {"prompt": "Be brief."}, publish=False)
    return rollouts.start(SYSTEM, place[0], "endpoint", place[1], 2, {"plan": PLAN})


@pytest.fixture
def calls(world, rollout):
    """Return what writes so many calls of an arm in one batch."""

    def of(arm, count, **changes):
        values = {"rollout_id": rollout.id, "arm": arm, **changes}
        write(*(row(world.acme, **values) for _ in range(count)))

    return of


def all_of(model):
    return database.read(lambda session: list(session.scalars(select(model))))


def now(rollout):
    return database.read(lambda session: session.get_one(Rollout, rollout.id))


def counted(arm):
    return {(one.measure, one.bucket): one.amount for one in all_of(ArmCount) if one.arm == arm}


def age(rollout, minutes):
    def work(session):
        session.get_one(Rollout, rollout.id).step_at -= timedelta(minutes=minutes)

    database.transaction(work)


def kinds():
    return [alert.kind for alert in sorted(all_of(Alert), key=lambda alert: alert.id)]


def test_each_arm_is_counted_with_its_batch(calls, world):
    calls("old", 3, duration_ms=100, cost_nano_usd=1_000)
    calls("old", 2, outcome="failed", status=502, cost_nano_usd=0)
    calls("old", 1, outcome="rejected", duration_ms=500)
    calls("old", 1, outcome="refused", error_code="no_models_available", cost_nano_usd=0)
    calls("old", 1, outcome="refused", error_code="rate_limit_exceeded")
    calls("old", 1, cached=True)
    found = counted("old")
    assert (found["calls", 0], found["errors", 0], found["guardrails", 0]) == (7, 3, 1)
    assert (found["cost_nano_usd", 0], found["input_tokens", 0]) == (3_007, 70)
    assert {key[0]: amount for key, amount in found.items() if key[0] in ("latency", "cost")} == {
        "latency": 3,
        "cost": 3,
    }
    assert not counted("new")


def test_a_call_in_shadow_counts_for_its_arm_and_its_provider_alone(calls, world):
    calls("shadow", 4, source="shadow", cost_nano_usd=0, compared_nano_usd=900, provider_nano_usd=800)
    found = counted("shadow")
    assert (found["calls", 0], found["cost_nano_usd", 0]) == (4, 3_600)
    assert not all_of(UsageHour) and len(stored()) == 4
    spent = {one.scope_type: one.spent_nano_usd for one in all_of(DailySpend)}
    assert spent == {"provider": 3_200}


def test_a_version_that_fails_is_taken_back_by_itself(calls, rollout, world):
    calls("old", 200)
    calls("new", 19, outcome="failed", status=502)
    assert now(rollout).ended_at is None
    calls("new", 1, outcome="failed", status=502)
    row_now = now(rollout)
    assert (row_now.outcome, row_now.reason["metric"], row_now.reason["calls"]) == (
        "rolled_back",
        "errors",
        20,
    )
    assert row_now.reason["by"] == "Rollout guard" and kinds() == ["rollout_rolled_back"]
    facts = all_of(Alert)[0].facts
    assert (facts["new"], facts["bound"], facts["actor"]) == ("100.0 %", "2 points", "")
    endpoint = database.read(lambda session: session.get_one(Endpoint, world.acme.endpoint.id))
    assert endpoint.published_version_id == rollout.old_version_id
    assert endpoint.draft_version_id == rollout.new_version_id
    calls("new", 5, outcome="failed")  # those still on their way change nothing
    assert len(kinds()) == 1


@pytest.mark.parametrize(
    ("changes", "metric"),
    [
        ({"duration_ms": 36}, "latency_p50"),
        ({"cost_nano_usd": 2_100}, "cost_p50"),
        ({"outcome": "rejected"}, "guardrails"),
    ],
)
def test_what_is_slow_or_dear_or_blocked_is_taken_back(calls, rollout, changes, metric):
    calls("old", 200, cost_nano_usd=700)
    calls("new", 60, **{"cost_nano_usd": 700, **changes})
    assert now(rollout).reason["metric"] == metric


def test_what_is_worse_in_shadow_is_taken_back_too(calls, rollout, world):
    rollouts.set_share(SYSTEM, world.acme.workspace.id, rollout.id, {"state": "SHADOW"})
    calls("old", 30)
    calls("shadow", 30, source="shadow", outcome="failed", cost_nano_usd=0)
    assert now(rollout).outcome == "rolled_back"


def test_who_is_not_guarded_stays_until_somebody_acts(calls, rollout, world):
    workspace_id = world.acme.workspace.id
    rollouts.stop(SYSTEM, workspace_id, rollout.id)
    plan = {**PLAN, "guarded": False}
    other = rollouts.start(SYSTEM, workspace_id, "endpoint", world.acme.endpoint.id, 2, {"plan": plan})
    calls("old", 50, rollout_id=other.id)
    calls("new", 50, rollout_id=other.id, outcome="failed")
    age(other, 60)
    rollout_guard.tend()
    assert (now(other).ended_at, now(other).share) == (None, 1_000)
    standing = rollout_guard.standing(actor_of(world.viewer), workspace_id, other.id)
    assert standing.worst.metric == "errors" and standing.new.calls == 50


def test_a_good_version_goes_on_by_itself_until_it_is_promoted(calls, rollout, world):
    shares = []
    for _ in range(3):
        calls("old", 40)
        calls("new", 29)
        age(rollout, 6)
        rollout_guard.tend()  # too few calls of this step
        calls("new", 1)
        rollout_guard.tend()
        shares.append(now(rollout).share)
    ended = now(rollout)
    assert shares == [5_000, 10_000, 10_000] and ended.outcome == "promoted"
    assert kinds() == ["rollout_advanced", "rollout_advanced", "rollout_promoted"]
    endpoint = database.read(lambda session: session.get_one(Endpoint, world.acme.endpoint.id))
    assert endpoint.published_version_id == rollout.new_version_id


def test_a_step_that_has_not_lasted_goes_on_waiting(calls, rollout):
    calls("new", 100)
    rollout_guard.tend()
    assert now(rollout).share == 1_000


def test_judging_never_disturbs_the_records(calls, rollout, monkeypatch):
    def broken(*_args):
        raise RuntimeError("no judge")

    monkeypatch.setattr(rollout_guard, "judge", broken)
    calls("new", 25, outcome="failed")
    assert counted("new")["calls", 0] == 25 and len(stored()) == 25 and records.writer.dropped == 0
    monkeypatch.undo()
    calls("old", 25)  # the next batch finds it
    assert now(rollout).outcome == "rolled_back"


def test_of_two_workers_that_judge_at_once_one_acts(calls, rollout, monkeypatch):
    monkeypatch.setattr(rollout_guard, "watch", lambda rollout_ids: None)
    calls("old", 200)
    calls("new", 40, outcome="failed")
    original = rollouts.roll_back

    def overtaken(*args):  # the other worker acts between this one's look and its act
        monkeypatch.setattr(rollouts, "roll_back", original)
        assert rollout_guard.quietly(rollout_guard.take_back_if_worse, rollout.id)
        return original(*args)

    monkeypatch.setattr(rollouts, "roll_back", overtaken)
    assert not rollout_guard.quietly(rollout_guard.take_back_if_worse, rollout.id)
    assert now(rollout).outcome == "rolled_back" and kinds() == ["rollout_rolled_back"]


def test_the_mails_say_what_was_measured(calls, rollout, world):
    calls("old", 200)
    calls("new", 20, outcome="failed")
    alert = all_of(Alert)[0]
    letter = alert_mails.Letter(alert, world.acme.workspace, ["owner@acme.test"], 1)
    text = " ".join(alert_mails.compose(letter).get_body(("plain",)).get_content().split())
    assert "Version 2 of hello was rolled back: it fails more often" in text
    assert "100.0 % with version 2, 0.0 % with version 1. Allowed were 2 points more" in text
    assert f"/w/acme/rollouts/{rollout.id}" in text
