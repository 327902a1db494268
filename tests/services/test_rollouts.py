"""Rollouts: how a new version of a policy or an endpoint goes live, and back again."""

from __future__ import annotations

import pytest

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.errors import Conflict, InvalidFields, InvalidInput, NotAllowed, NotFound
from app.models import Alert, AuditEvent, Endpoint, Policy
from app.services import endpoints, policies, publishing, rollout_history, rollouts
from tests.world import actor_of

BLOCK_ALL = [{"label": "Nobody", "action": "BLOCK", "message": "Closed."}]


def read(work):
    return database.read(work)


@pytest.fixture
def endpoint(world):
    """The endpoint `hello`: version 1 answers, version 2 is a draft."""
    place = world.acme.workspace.id, world.acme.endpoint.id
    endpoints.save(SYSTEM, *place, {"prompt": "Be brief."}, publish=False)
    return place[0], "endpoint", place[1]


@pytest.fixture
def policy(world):
    """A policy: version 1 is live, version 2 is a draft."""
    workspace_id = world.acme.workspace.id
    made = policies.create(SYSTEM, workspace_id, world.acme.project.id, {"key": "chat", "rules": []})
    policies.save(SYSTEM, workspace_id, made.policy.id, {"rules": BLOCK_ALL}, live=False)
    return workspace_id, "policy", made.policy.id


def live(subject):
    kind = Policy if subject[1] == "policy" else Endpoint
    row = read(lambda session: session.get_one(kind, subject[2]))
    return row.live_version_id if subject[1] == "policy" else row.published_version_id


def kinds():
    return read(lambda session: [row.kind for row in session.query(Alert).order_by(Alert.id)])


def actions():
    found = read(lambda session: session.query(AuditEvent).order_by(AuditEvent.id).all())
    return [row.action for row in found if row.action.startswith("rollout.")]


@pytest.mark.parametrize("kind", ["endpoint", "policy"])
def test_a_version_goes_live_step_by_step_and_one_click_takes_it_back(kind, request, world):
    subject = request.getfixturevalue(kind)
    before = live(subject)
    row = rollouts.start(SYSTEM, *subject, 2)
    assert (row.state, row.share, row.old_number, row.new_number) == ("CANARY", 100, 1, 2)
    shares = [rollouts.advance(SYSTEM, subject[0], row.id).share for _ in range(3)]
    assert shares == [1_000, 5_000, 10_000] and live(subject) == before
    ended = rollouts.advance(SYSTEM, subject[0], row.id)
    assert (ended.outcome, ended.state, live(subject)) == ("promoted", "FULL", row.new_version_id)
    assert kinds() == ["rollout_advanced"] * 3 + ["rollout_promoted"]
    with pytest.raises(Conflict, match="over"):
        rollouts.roll_back(SYSTEM, subject[0], row.id)
    assert rollouts.undo(SYSTEM, subject[0], row.id) is None and live(subject) == before
    assert rollout_history.find(SYSTEM, subject[0], row.id).outcome == "undone"
    with pytest.raises(Conflict, match="nothing to undo"):
        rollouts.undo(SYSTEM, subject[0], row.id)
    assert actions()[-2:] == ["rollout.promote", "rollout.undo"]


@pytest.mark.parametrize("kind", ["endpoint", "policy"])
def test_what_was_rolled_back_can_go_on_where_it_was(kind, request, world):
    subject = request.getfixturevalue(kind)
    before = live(subject)
    row = rollouts.start(SYSTEM, *subject, 2, {"share": 12.5})
    editor = actor_of(world.teammate)
    ended = rollouts.roll_back(editor, subject[0], row.id, "Customers complained")
    assert ended.reason == {"note": "Customers complained", "by": "teammate@acme.test"}
    assert (ended.outcome, live(subject), kinds()) == ("rolled_back", before, ["rollout_rolled_back"])
    again = rollouts.undo(editor, subject[0], row.id)
    assert (again.share, again.state, again.new_number) == (1_250, "CANARY", 2)
    assert rollouts.current(editor, *subject).id == again.id
    assert [one.id for one in rollouts.list_all(editor, *subject)] == [again.id, row.id]


def test_a_share_grows_and_shrinks_by_hand(policy):
    row = rollouts.start(SYSTEM, *policy, 2, {"state": "SHADOW"})
    assert (row.state, row.share, row.step) == ("SHADOW", 0, 0)
    assert rollouts.advance(SYSTEM, policy[0], row.id).share == 100
    assert rollouts.set_share(SYSTEM, policy[0], row.id, {"share": 20}).step == 1
    assert rollouts.set_share(SYSTEM, policy[0], row.id, {"share": 0.07}).share == 7
    assert rollouts.set_share(SYSTEM, policy[0], row.id, {"state": "FULL"}).state == "FULL"
    assert rollouts.stop(SYSTEM, policy[0], row.id).outcome == "stopped"
    with pytest.raises(InvalidInput, match="canary"):
        rollouts.start(SYSTEM, *policy, 2, {"state": "CANARY"})


def test_nothing_else_goes_live_while_a_rollout_is_under_way(endpoint, world):
    workspace_id, _kind, endpoint_id = endpoint
    row = rollouts.start(SYSTEM, *endpoint, 2)
    with pytest.raises(Conflict, match="rollout of version 2 is under way"):
        endpoints.save(SYSTEM, workspace_id, endpoint_id, {"prompt": "Other"})
    with pytest.raises(Conflict, match="under way"):
        publishing.publish(SYSTEM, workspace_id, endpoint_id, 2)
    with pytest.raises(Conflict, match="under way"):
        rollouts.start(SYSTEM, *endpoint, 2)
    view = endpoints.save(SYSTEM, workspace_id, endpoint_id, {"prompt": "Later"}, publish=False)
    assert rollouts.promote(SYSTEM, workspace_id, row.id).outcome == "promoted"
    after = endpoints.find(SYSTEM, workspace_id, endpoint_id)
    assert (after.version.number, after.draft.number) == (2, view.draft.number)


def test_somebodys_draft_stays_what_is_worked_on(endpoint):
    workspace_id, _kind, endpoint_id = endpoint
    view = endpoints.save(SYSTEM, workspace_id, endpoint_id, {"prompt": "Half done"}, publish=False)
    row = rollouts.start(SYSTEM, *endpoint, 2)
    assert endpoints.find(SYSTEM, workspace_id, endpoint_id).draft.number == view.draft.number == 3
    rollouts.promote(SYSTEM, workspace_id, row.id)
    after = endpoints.find(SYSTEM, workspace_id, endpoint_id)
    assert (after.version.number, after.draft.number) == (2, 3)


def test_an_endpoint_with_a_plan_publishes_by_a_rollout(endpoint):
    workspace_id, _kind, endpoint_id = endpoint
    rollouts.set_plan(SYSTEM, *endpoint, {"steps": [0, 5, 100], "step_minutes": 10})
    view = endpoints.save(SYSTEM, workspace_id, endpoint_id, {"prompt": "New"})
    row = rollouts.current(SYSTEM, *endpoint)
    assert (view.version.number, view.draft.number, row.new_number, row.state) == (1, 3, 3, "SHADOW")
    rollouts.stop(SYSTEM, workspace_id, row.id)
    publishing.publish(SYSTEM, workspace_id, endpoint_id, 2)
    assert rollouts.current(SYSTEM, *endpoint).new_number == 2
    assert rollouts.set_plan(SYSTEM, *endpoint, {}) and not rollouts.set_plan(SYSTEM, *endpoint, None)


def test_what_is_pinned_is_not_rolled_out_and_what_is_rolled_out_is_not_pinned(endpoint):
    row = rollouts.start(SYSTEM, *endpoint, 2)
    with pytest.raises(Conflict, match="under way"):
        publishing.set_pinned(SYSTEM, endpoint[0], endpoint[2], True)
    rollouts.stop(SYSTEM, endpoint[0], row.id)
    publishing.set_pinned(SYSTEM, endpoint[0], endpoint[2], True)
    for act in (
        lambda: rollouts.start(SYSTEM, *endpoint, 2),
        lambda: rollouts.undo(SYSTEM, endpoint[0], row.id),
    ):
        with pytest.raises(InvalidInput, match="pinned"):
            act()


def test_who_may(policy, world):
    viewer, stranger = actor_of(world.viewer), actor_of(world.stranger)
    for actor, refusal in ((viewer, NotAllowed), (stranger, NotFound)):
        with pytest.raises(refusal):
            rollouts.start(actor, *policy, 2)
    row = rollouts.start(actor_of(world.teammate), *policy, 2)
    assert rollouts.find(viewer, policy[0], row.id).id == row.id
    for actor, refusal in ((viewer, NotAllowed), (stranger, NotFound)):
        with pytest.raises(refusal):
            rollouts.roll_back(actor, policy[0], row.id)
    with pytest.raises(NotFound):
        rollouts.find(SYSTEM, world.other.workspace.id, row.id)
    with pytest.raises(InvalidFields):
        rollouts.set_plan(SYSTEM, *policy, {"steps": [10, 5]})
