"""Rollouts with real calls: a bad version is taken back and a good one promoted, without a person."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.rollouts import bucket_of
from app.domain.sequential import FOUND_WITHIN
from app.jobs import rollouts as minute_job
from app.models import Endpoint, Rollout
from app.models.columns import utc_now
from app.services import arm_sums, endpoints, policies, projects, rollout_history, rollouts
from app.services.rollout_guard import GUARD
from app.services.shadow_queue import AT_ONCE
from tests.browser.conftest import Stage
from tests.browser.visitor import Visitor
from tests.providers_world import add_provider, set_price
from tests.upstream_replies import Hang, Reply, error_reply, openai_completion
from tests.world import Tenant

SHARE = 1_000  # of 10,000: what the manual's numbers are for
AT_A_TIME = 6
SLOW_SECONDS = 0.5
BATCH = 10  # calls of the new version, and nine times as many of the old one
ANY_PACE = {"most_slower_percent": 10_000}  # the machine may be busy with other things
POLICY = "/runtime/proxy/chat/completions"


@pytest.fixture(scope="module")
def acme(stage: Stage) -> Iterator[Tenant]:
    """A project with a good provider, and one whose models fail or never answer."""
    tenant = stage.world.acme
    projects.update(SYSTEM, tenant.workspace.id, tenant.project.id, {"surfaces": ["endpoints", "proxy"]})
    add_provider(tenant, stage.upstream, "up")
    add_provider(tenant, stage.upstream, "bad")
    set_price(tenant, "up/plain", input_usd_per_million="1", output_usd_per_million="2")
    set_price(tenant, "up/dear", input_usd_per_million="3", output_usd_per_million="6")
    set_price(tenant, "bad/broken", input_usd_per_million="1", output_usd_per_million="2")
    stage.upstream.script("broken", error_reply(500))
    usual = openai_completion("Hello there")
    stage.upstream.script("slow", replace(usual, steps=[SLOW_SECONDS, *usual.steps]))
    stage.upstream.script("silent", Reply([Hang]))
    yield tenant


def make(tenant: Tenant, slug: str, model: str) -> Endpoint:
    """Make an endpoint whose draft asks another model."""
    fields = {"slug": slug, "name": slug.title(), "model": "up/plain"}
    view = endpoints.create(SYSTEM, tenant.workspace.id, tenant.project.id, fields)
    endpoints.save(SYSTEM, tenant.workspace.id, view.endpoint.id, {"model": model}, publish=False)
    return view.endpoint


def users(tenant: Tenant, subject: str, count: int, *, new: bool) -> list[str]:
    """Return end users of one side."""
    names = (f"user_{number}" for number in range(100_000))
    side = (name for name in names if (bucket_of(tenant.workspace.id, subject, name) < SHARE) == new)
    return [next(side) for _ in range(count)]


def calls_of(stage: Stage, tenant: Tenant, path: str, body: Any, who: list[str]) -> set[int]:
    """Make a call for each of these end users, some at once; return the statuses."""

    def some(users: list[str]) -> set[int]:
        connection, statuses = stage.server.connect(), set()
        for user in users:
            named = {"X-Sluice-User-Id": user, "x-kagu-user-id": user, "x-kagu-policy-key": "support"}
            headers = {"Content-Type": "application/json", **tenant.headers, **named}
            connection.request("POST", path, json.dumps(body), headers)
            response = connection.getresponse()
            response.read()
            statuses.add(response.status)
        connection.close()
        return statuses

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return set().union(*pool.map(some, (who[place::AT_A_TIME] for place in range(AT_A_TIME))))


def until_it_ends(
    stage: Stage, tenant: Tenant, rollout: Rollout, path: str, body: Any, subject: str
) -> Rollout:
    """Call until the rollout has ended, at most as long as the manual says and a batch more."""
    old, new = users(tenant, subject, 9 * BATCH, new=False), users(tenant, subject, BATCH, new=True)
    for number in range(1, max(FOUND_WITHIN.values()) // BATCH + 2):
        calls_of(stage, tenant, path, body, [*old, *new])
        row = counted(tenant, rollout, 10 * BATCH * number)
        if row.ended_at is not None:
            return row
    raise AssertionError("it was not taken back")


def counted(tenant: Tenant, rollout: Rollout, calls: int) -> Rollout:
    """Return the rollout once so many calls are counted, or it has ended."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        row = rollout_history.find(SYSTEM, tenant.workspace.id, rollout.id)
        arms = database.read(lambda session: arm_sums.of(session, rollout.id))
        if row.ended_at is not None or sum(arm.calls for arm in arms.values()) >= calls:
            return row
        time.sleep(0.05)
    raise AssertionError("the calls were not counted")


def make_older(rollout_id: str) -> None:
    """Let the step have begun two minutes earlier."""
    earlier = update(Rollout).where(Rollout.id == rollout_id).values(step_at=utc_now() - timedelta(minutes=2))
    database.transaction(lambda session: session.execute(earlier))


def test_bad_versions_are_taken_back_while_somebody_watches(
    stage: Stage, acme: Tenant, visitor: Visitor
) -> None:
    endpoint = make(acme, "broken", "bad/broken")
    visitor.enter(stage.world.teammate)
    visitor.open(f"/w/acme/endpoints/{endpoint.id}/rollouts")
    visitor.field("Steps").fill("10, 100")
    visitor.press("Start the rollout")
    visitor.see("10 % of your end users get version 2; everybody else gets version 1.")
    rollout = rollout_history.current(SYSTEM, acme.workspace.id, "endpoint", endpoint.id)
    assert rollout is not None
    path, body = f"/api/{acme.project.id}/broken", {"message": "Hi"}
    row = until_it_ends(stage, acme, rollout, path, body, endpoint.id)
    check_taken_back(row, "errors", "fails_always")
    until, asked = time.monotonic() + 10, users(acme, endpoint.id, 5, new=True)
    while calls_of(stage, acme, path, body, asked) != {200}:  # the row is seen just before workers are told
        assert time.monotonic() < until
    take_back_a_slow_endpoint(stage, acme)
    dear = take_back_a_dear_policy(stage, acme)
    visitor.see("Rolled back: everybody gets version 1 again.")  # the open page says so by itself
    visitor.see(re.compile(r"By itself, after \d+ calls of the new version\. Errors: 100 % against 0 %"))
    visitor.open(f"/w/acme/rollouts/{dear.id}")
    visitor.see(re.compile(r"By itself, after \d+ calls of the new version\. Cost of "))


def take_back_a_slow_endpoint(stage: Stage, acme: Tenant) -> None:
    """Roll out a version whose model takes far longer than any busy machine makes the other one take."""
    endpoint = make(acme, "slow", "up/slow")
    rollout = rollouts.start(SYSTEM, acme.workspace.id, "endpoint", endpoint.id, 2, {"share": 10})
    path, body = f"/api/{acme.project.id}/slow", {"message": "Hi"}
    row = until_it_ends(stage, acme, rollout, path, body, endpoint.id)
    check_taken_back(row, "latency", "three_times_slower")


def take_back_a_dear_policy(stage: Stage, acme: Tenant) -> Rollout:
    """Roll out a policy's version that asks a model three times as dear; return how that ended."""
    view = policies.create(SYSTEM, acme.workspace.id, acme.project.id, {"key": "support", "rules": []})
    rule = {"label": "All", "action": "DOWNGRADE", "models": ["up/dear"]}
    policies.save(SYSTEM, acme.workspace.id, view.policy.id, {"rules": [rule]}, live=False)
    fields = {"share": 10, "plan": ANY_PACE}
    rollout = rollouts.start(SYSTEM, acme.workspace.id, "policy", view.policy.id, 2, fields)
    body = {"model": "up/plain", "messages": [{"role": "user", "content": "Hi"}]}
    row = until_it_ends(stage, acme, rollout, POLICY, body, "support")
    check_taken_back(row, "cost", "three_times_dearer")
    return row


def check_taken_back(row: Rollout, metric: str, kind: str) -> None:
    """Check that the guard did it, for this metric and as soon as the manual says."""
    assert row.outcome == "rolled_back" and row.reason is not None
    assert row.reason["by"] == GUARD.label and row.reason["metric"].startswith(metric)
    assert row.reason["calls"] <= FOUND_WITHIN[kind]


def test_a_good_version_is_promoted_by_its_schedule(stage: Stage, acme: Tenant, visitor: Visitor) -> None:
    endpoint = make(acme, "good", "up/other")
    plan = {"steps": [10, 100], "step_minutes": 1, "step_calls": 5, "least_calls": 5, **ANY_PACE}
    fields = {"plan": plan}
    rollout = rollouts.start(SYSTEM, acme.workspace.id, "endpoint", endpoint.id, 2, fields)
    who = [*users(acme, endpoint.id, 10, new=False), *users(acme, endpoint.id, 5, new=True)]
    visitor.enter(stage.world.teammate)
    visitor.open(f"/w/acme/rollouts/{rollout.id}")
    for number, sentence in enumerate(
        ("Everybody gets version 2, and it is still watched.", "Version 2 went live for everybody."), 1
    ):
        assert calls_of(stage, acme, f"/api/{acme.project.id}/good", {"message": "Hi"}, who) == {200}
        counted(acme, rollout, len(who) * number)
        make_older(rollout.id)
        minute_job.tend()
        visitor.page.reload()
        visitor.see(re.compile(re.escape(sentence)))
    visitor.see("By itself: its time was over, and it was not worse.")
    view = endpoints.find(SYSTEM, acme.workspace.id, endpoint.id)
    assert view.version.number == 2


def test_nobody_waits_for_a_version_in_shadow_that_never_answers(stage: Stage, acme: Tenant) -> None:
    endpoint = make(acme, "silent", "up/silent")
    rollout = rollouts.start(SYSTEM, acme.workspace.id, "endpoint", endpoint.id, 2, {"state": "SHADOW"})
    who = users(acme, endpoint.id, 12, new=True)
    path = f"/api/{acme.project.id}/silent"
    assert calls_of(stage, acme, path, {"message": "Hi"}, who) == {200}
    assert counted(acme, rollout, len(who)).ended_at is None
    asked = [request for request in stage.upstream.requests if request.json["model"] == "silent"]
    assert 0 < len(asked) <= AT_ONCE  # the others wait for their turn, not their clients
