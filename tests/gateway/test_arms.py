"""A rollout of an endpoint's version: who gets which side, who is no part of it, and what tells it (O47)."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from app import repeats
from app.domain.actors import SYSTEM
from app.domain.rollouts import NEW, OLD, bucket_of
from app.services import endpoint_versions, examples, rollouts
from tests.gateway.rollout_world import Place, make_place
from tests.providers_world import records
from tests.upstream import Upstream
from tests.world import World, actor_of, sign_in

ROLLED = "X-Sluice-Rollout"


@pytest.fixture
def place(world: World, upstream: Upstream, client: FlaskClient) -> Place:
    return make_place(world.acme, upstream, client)


def user_with(place: Place, low: int, high: int) -> str:
    """Return an end user whose bucket is in this range."""
    subject = place.tenant.workspace.id, place.endpoint.id
    names = (f"user_{number}" for number in range(10_000))
    return next(name for name in names if low <= bucket_of(*subject, name) < high)


def test_a_user_stays_on_their_side_through_every_door(place: Place) -> None:
    assert ROLLED not in place.post().headers
    rollout = place.start(share=50)
    early, late = user_with(place, 0, 5_000), user_with(place, 7_500, 10_000)
    wrapper = f"/api/{place.tenant.project.id}/v1/chat/completions"
    chat = {"model": "talk", "messages": [{"role": "user", "content": "Hi"}]}
    first = place.post(x_sluice_user_id=early)
    assert first.headers[ROLLED] == "new; version=2" and place.models[-1] == "new"
    assert place.arm({**chat, "user": early}, wrapper) == NEW
    assert place.arm({**chat, "user": early, "stream": True}, wrapper) == NEW
    body = {"endpoint": "talk", "message": "Hi"}
    assert place.arm(body, f"/api/{place.tenant.project.id}/chat/completions", x_sluice_user_id=late) == OLD
    place.share(rollout, 75)
    assert (place.arm(x_sluice_user_id=early), place.arm(x_sluice_user_id=late)) == (NEW, OLD)
    row = records()[1]
    assert (row.rollout_id, row.arm, row.endpoint_version, row.end_user) == (rollout.id, NEW, 2, early)
    rollouts.roll_back(SYSTEM, place.tenant.workspace.id, rollout.id)
    after = place.post(x_sluice_user_id=early)
    assert ROLLED not in after.headers and place.models[-1] == "old" and records()[-1].arm is None


def test_who_names_a_version_tries_or_asks_an_example_is_no_part_of_it(place: Place, world: World) -> None:
    place.post()
    place.start(state="FULL")
    workspace_id, owner = place.tenant.workspace.id, actor_of(world.owner)
    assert place.post(path=f"/api/{place.tenant.project.id}/talk@1").status_code == 200
    version = endpoint_versions.find_version(SYSTEM, workspace_id, place.endpoint.id, 1)
    fields = {"name": "Greets", "body": {"message": "Hello"}, "expected": {}}
    example = examples.create(SYSTEM, workspace_id, place.endpoint.id, fields)
    repeats.run_example(owner, place.endpoint, version, example)
    person = sign_in(place.client.application.test_client(), world.owner)
    tried = person.post(f"/w/acme/endpoints/{place.endpoint.id}/try", json={"message": "Hi"})
    assert tried.status_code == 200, tried.get_data(as_text=True)
    assert place.models == ["old"] * 4 and {row.arm for row in records()} == {None}


def test_no_side_gets_the_answer_that_was_kept_for_the_other(
    world: World, upstream: Upstream, client: FlaskClient
) -> None:
    place = make_place(world.acme, upstream, client, cache_seconds=60)
    place.start(share=50)
    early, late = user_with(place, 0, 5_000), user_with(place, 5_000, 10_000)
    assert [place.arm(x_sluice_user_id=user) for user in (late, early, late, early)] == [OLD, NEW, OLD, NEW]
    assert place.models == ["old", "new"]
    assert records()[-1].cached and records()[-1].arm == NEW


def test_a_conversation_stays_where_its_first_turn_was(
    world: World, upstream: Upstream, client: FlaskClient
) -> None:
    place = make_place(world.acme, upstream, client, session={})
    before = place.post().json["meta"]["session_id"]
    rollout = place.start(share=50)
    early, late = user_with(place, 0, 5_000), user_with(place, 5_000, 10_000)
    new = place.post(x_sluice_user_id=early).json["meta"]["session_id"]
    old = place.post(x_sluice_user_id=late).json["meta"]["session_id"]
    anonymous = place.post()
    began, nameless = anonymous.headers[ROLLED].split(";")[0], anonymous.json["meta"]["session_id"]

    def sides() -> list[str]:
        """Return the sides of the next turns, whoever sends them now."""
        return [place.arm({"message": "And?", "session_id": one}) for one in (new, old, nameless, before)]

    assert sides() == [NEW, OLD, began, OLD]
    assert place.arm({"message": "And?", "session_id": new}, x_sluice_user_id=late) == NEW
    place.share(rollout, 99)
    assert sides() == [NEW, OLD, began, OLD]
    rollouts.set_share(SYSTEM, place.tenant.workspace.id, rollout.id, {"state": "FULL"})
    assert sides() == [NEW] * 4
