"""A new version that is bad is taken back without a person, within a stated number of its calls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.rollouts import NEW, bucket_of
from app.models import Provider, Rollout
from app.services import endpoints, policies, rollouts
from tests.gateway.passthrough_world import make_proxy
from tests.gateway.rollout_world import Place, make_place
from tests.providers_world import add_provider, records
from tests.upstream import Upstream
from tests.upstream_replies import error_reply
from tests.world import World

WITHIN = 20  # calls of the new arm, where the old one has had as many: what the docs page says


@pytest.fixture
def place(world: World, upstream: Upstream, client: FlaskClient) -> Place:
    return make_place(world.acme, upstream, client)


def users(*subject: str, is_new: bool) -> Iterator[str]:
    """Yield end users of one side of a rollout to half of them."""
    names = (f"user_{number}" for number in range(100_000))
    return (name for name in names if (bucket_of(*subject, name) < 5_000) == is_new)


def now(rollout: Rollout) -> Rollout:
    return database.read(lambda session: session.get_one(Rollout, rollout.id))


def test_a_version_that_always_fails_is_taken_back_for_the_next_call(place: Place) -> None:
    rollout = place.start(share=50)
    subject = place.tenant.workspace.id, place.endpoint.id
    old, new = users(*subject, is_new=False), users(*subject, is_new=True)
    for _ in range(60):
        assert place.post(x_sluice_user_id=next(old)).status_code == 200
    place.upstream.script("new", *(error_reply(400) for _ in range(60)))
    failed = 0
    while now(rollout).ended_at is None and failed < 60:
        assert place.post(x_sluice_user_id=next(new)).status_code >= 400
        failed += 1
    assert (failed, now(rollout).outcome, now(rollout).reason["metric"]) == (WITHIN, "rolled_back", "errors")
    assert place.post(x_sluice_user_id=next(new)).status_code == 200 and place.models[-1] == "old"


def test_a_version_that_is_ten_times_as_dear_is_taken_back(place: Place) -> None:
    rollout = place.start(share=50)
    subject = place.tenant.workspace.id, place.endpoint.id
    old, new = users(*subject, is_new=False), users(*subject, is_new=True)
    for _ in range(40):
        place.post(x_sluice_user_id=next(old))
        if now(rollout).ended_at is None:
            assert place.post(x_sluice_user_id=next(new)).status_code == 200
    assert (now(rollout).outcome, now(rollout).reason["metric"]) == ("rolled_back", "cost_p50")
    assert place.models[-1] == "old" and sum(row.arm == NEW for row in records()) < 40


def test_a_policy_whose_new_version_can_ask_nobody_is_taken_back(
    world: World, upstream: Upstream, client: FlaskClient
) -> None:
    proxy = make_proxy(world.acme, upstream, client)
    gone = add_provider(world.acme, upstream, "gone")
    workspace_id = world.acme.workspace.id
    made = policies.create(SYSTEM, workspace_id, world.acme.project.id, {"key": "chat", "rules": []})
    rules = [{"label": "Moved", "action": "DOWNGRADE", "models": ["gone/x"]}]
    policies.save(SYSTEM, workspace_id, made.policy.id, {"rules": rules}, live=False)
    rollout = rollouts.start(SYSTEM, workspace_id, "policy", made.policy.id, 2, {"share": 50})
    renamed = update(Provider).where(Provider.id == gone).values(slug="renamed")
    database.transaction(lambda session: session.execute(renamed))
    body = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
    for is_new in (False, True):
        who = users(workspace_id, "chat", is_new=is_new)
        for _ in range(60):
            headers = {"x_kagu_user_id": next(who), "x_kagu_policy_key": "chat"}
            response = proxy.post("/runtime/proxy/chat/completions", body, **headers)
            assert (response.status_code == 200) is not is_new
            if now(rollout).ended_at is not None:
                break
    assert sum(row.arm == NEW for row in records()) == WITHIN
    assert (now(rollout).outcome, records()[-1].error_code) == ("rolled_back", "model_not_found")


@pytest.mark.parametrize(
    ("fields", "refusal", "metric"),
    [
        (
            {"variables": [{"name": "tone", "type": "string", "required": True}], "prompt": "Be {{tone}}."},
            (422, "invalid_input"),
            "errors",
        ),
        (
            {"guardrails": {"addresses": {"allow": ["10.0.0.0/8"]}}},
            (403, "address_not_allowed"),
            "guardrails",
        ),
    ],
)
def test_a_version_that_does_not_take_what_clients_send_is_taken_back(place: Place, fields, refusal, metric):
    workspace_id, endpoint_id = place.tenant.workspace.id, place.endpoint.id
    endpoints.save(SYSTEM, workspace_id, endpoint_id, {"model": "up/new", **fields}, publish=False)
    rollout = rollouts.start(SYSTEM, workspace_id, "endpoint", endpoint_id, 3, {"share": 50})
    for is_new in (False, True):
        who = users(workspace_id, endpoint_id, is_new=is_new)
        for _ in range(60):
            assert place.post(x_sluice_user_id=next(who)).status_code == (refusal[0] if is_new else 200)
            if now(rollout).ended_at is not None:
                break
    row = records()[-1]
    assert (row.arm, row.outcome, row.error_code) == (NEW, "refused", refusal[1])
    assert sum(row.arm == NEW for row in records()) == WITHIN
    assert (now(rollout).outcome, now(rollout).reason["metric"]) == ("rolled_back", metric)
