"""Webhooks: every event is signed, sent once, tried again when it fails, and never goes where it must not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from app import egress
from app.database import database
from app.domain.actors import SYSTEM, Actor
from app.domain.bodies import encoded
from app.domain.errors import InvalidInput
from app.domain.webhooks import MOST_TRIES, digest
from app.jobs import webhooks as jobs
from app.models import Delivery, Webhook
from app.models.columns import utc_now
from app.services import (
    alerts,
    endpoints,
    key_rotation,
    keys,
    projects,
    webhook_deliveries,
    webhook_log,
    webhooks,
)
from tests.upstream import Upstream
from tests.upstream_replies import Reply
from tests.world import World

RECEIVER = Path(__file__).resolve().parents[2] / "templates" / "docs" / "webhook_receiver.py"
NO_MODEL = "None"  # how the upstream names requests that are no calls


@pytest.fixture
def hook(world: World, upstream: Upstream) -> webhooks.NewSecret:
    return add(world, upstream)


def add(world: World, upstream: Upstream, **fields) -> webhooks.NewSecret:
    given = {"name": "Pager", "url": f"{upstream.url}/hook", **fields}
    return webhooks.create(SYSTEM, world.acme.workspace.id, given)


def note(world: World, subject: str = "openai/x") -> None:
    workspace = world.acme.workspace.id
    database.transaction(lambda s: alerts.note(s, workspace, "unpriced_model", subject, {"model": subject}))


def rows() -> list[Delivery]:
    return database.read(lambda session: list(session.scalars(select(Delivery).order_by(Delivery.id))))


def pass_time() -> None:
    past = utc_now() - timedelta(seconds=1)

    def work(session) -> None:
        session.execute(update(Delivery).where(Delivery.state == "pending").values(next_try_at=past))
        session.execute(update(Webhook).values(rests_until=None))

    database.transaction(work)


def test_an_alert_arrives_signed_over_the_very_bytes(world, upstream, hook):
    note(world)
    jobs.redrive()
    (request,) = upstream.requests
    at, given = (part.split("=")[1] for part in request.headers["x-sluice-signature"].split(","))
    assert given == digest(hook.secret, int(at), request.body)
    assert request.json["type"] == request.headers["x-sluice-event"] == "alert.created"
    assert request.json["data"]["kind"] == "unpriced_model"
    assert request.json["data"]["workspace"] == world.acme.workspace.slug
    (row,) = rows()
    assert (row.state, row.status, row.tries, row.id) == (
        "sent",
        200,
        1,
        request.headers["x-sluice-delivery"],
    )


def test_a_failure_is_told_and_tried_again_until_it_is_given_up(world, upstream, hook):
    upstream.script(NO_MODEL, Reply([b"secret of the receiver"], 500))
    note(world)
    for tries in range(1, MOST_TRIES + 1):
        jobs.redrive()
        (row,) = rows()
        assert (row.tries, row.status, row.problem) == (tries, 500, "refused")
        pass_time()
    assert row.state == "failed"
    assert webhooks.find(SYSTEM, world.acme.workspace.id, hook.webhook.id).failing_since is not None
    jobs.redrive()
    assert len(upstream.requests) == MOST_TRIES


def test_who_failed_rests_before_anything_else_is_sent_there(world, upstream, hook):
    upstream.script(NO_MODEL, Reply(status=503))
    note(world, "a")
    jobs.redrive()
    note(world, "b")
    jobs.redrive()
    assert [row.tries for row in rows()] == [1, 0]
    upstream.script(NO_MODEL, Reply(status=204, framing="length"))
    pass_time()
    jobs.redrive()
    assert [row.state for row in rows()] == ["sent", "sent"]


def test_a_redirect_is_not_followed(world, upstream, hook):
    upstream.script(NO_MODEL, Reply(status=302, headers={"location": f"{upstream.url}/elsewhere"}))
    note(world)
    jobs.redrive()
    assert [request.path for request in upstream.requests] == ["/hook"]
    assert rows()[0].status == 302


def test_a_private_address_is_refused_when_saved_and_when_called(world, upstream, hook):
    egress.configure(private_upstreams=frozenset())
    with pytest.raises(InvalidInput, match="cannot be used"):
        add(world, upstream, name="Other")
    note(world)
    jobs.redrive()
    assert upstream.requests == []
    assert (rows()[0].status, rows()[0].problem) == (None, "no_answer")


def test_for_a_day_the_old_secret_signs_as_well(world, upstream, hook):
    fresh = webhooks.rotate(SYSTEM, world.acme.workspace.id, hook.webhook.id)
    webhook_log.test(SYSTEM, world.acme.workspace.id, hook.webhook.id)
    jobs.redrive()
    request = upstream.requests[-1]
    at, new, old = (part.split("=")[1] for part in request.headers["x-sluice-signature"].split(","))
    assert [new, old] == [digest(key, int(at), request.body) for key in (fresh.secret, hook.secret)]
    past = update(Webhook).values(previous_until=utc_now())
    database.transaction(lambda session: session.execute(past))
    webhook_log.test(SYSTEM, world.acme.workspace.id, hook.webhook.id)
    jobs.redrive()
    assert upstream.requests[-1].headers["x-sluice-signature"].count("v1=") == 1


def test_only_the_events_that_it_wants_and_none_when_it_is_off(world, upstream):
    add(world, upstream, events=["key.rotated"])
    add(world, upstream, name="Off", active=False)
    note(world)
    key_rotation.rotate(SYSTEM, world.acme.workspace.id, world.acme.key.id)
    assert [row.event for row in rows()] == ["key.rotated"]
    assert world.acme.secret not in str(encoded(rows()[0].payload))


def test_what_is_published_is_told_and_to_webhooks_of_its_project_alone(world, upstream, hook):
    shop = projects.create(SYSTEM, world.acme.workspace.id, {"name": "Shop"})
    for project in (world.acme.project.id, shop.id):
        owner = {"name": f"of {project}", "scopes": ["alerts:write"]}
        key = keys.create(SYSTEM, world.acme.workspace.id, project, owner).key
        given = {"name": f"hook of {project}", "url": f"{upstream.url}/hook"}
        webhooks.create(Actor("key", key.id, "a key"), world.acme.workspace.id, given)
    place = SYSTEM, world.acme.workspace.id, world.acme.endpoint.id
    endpoints.save(*place, {"prompt": "Be kind."}, "kinder")
    note(world)
    told = [(row.event, row.payload["data"].get("version")) for row in rows()]
    assert sorted(told) == [("alert.created", None), ("endpoint.published", 2), ("endpoint.published", 2)]
    assert len({row.event_id for row in rows() if row.event == "endpoint.published"}) == 1


def test_what_is_about_credit_or_spend_has_an_event_of_its_own_as_well(world, upstream, hook):
    facts = {"name": "Acme", "balance_nano_usd": 1, "low_nano_usd": 5_000_000_000}
    place = world.acme.workspace.id
    for _ in range(2):
        database.transaction(lambda s: alerts.note(s, place, "low_balance", "account", facts))
    assert sorted(row.event for row in rows()) == ["alert.created", "balance.low"]
    assert {row.payload["data"]["low"] for row in rows()} == {"$5.00"}


def test_few_of_one_workspace_are_sent_at_once_and_those_that_fail_come_last(world, upstream, hook):
    lanes = webhook_deliveries.in_lanes([("a1", "a"), ("b1", "b"), ("a2", "a"), ("a3", "a"), ("b2", "b")])
    assert lanes == [["a1", "a3"], ["b1"], ["a2"], ["b2"]]
    good = add(world, upstream, name="Good")
    note(world)
    failing = update(Webhook).where(Webhook.id == hook.webhook.id).values(failing_since=utc_now())
    database.transaction(lambda session: session.execute(failing))
    due = [one for one, _ in database.read(webhook_deliveries.due)]
    assert [row.webhook_id for one in due for row in rows() if row.id == one] == [
        good.webhook.id,
        hook.webhook.id,
    ]


def test_resending_makes_a_delivery_of_its_own_with_the_same_event(world, upstream, hook):
    note(world)
    jobs.redrive()
    webhook_log.resend(SYSTEM, world.acme.workspace.id, hook.webhook.id, rows()[0].id)
    jobs.redrive()
    first, again = (request.json for request in upstream.requests)
    assert first == again
    assert len({row.id for row in rows()}) == 2


def test_deliveries_are_forgotten_after_thirty_days_and_with_their_webhook(world, upstream, hook):
    note(world, "a")
    old = update(Delivery).values(created_at=utc_now() - timedelta(days=31))
    database.transaction(lambda session: session.execute(old))
    note(world, "b")
    jobs.purge()
    assert [row.payload["data"]["model"] for row in rows()] == ["b"]
    webhooks.delete(SYSTEM, world.acme.workspace.id, hook.webhook.id)
    assert rows() == []


@pytest.fixture
def receiver() -> Iterator[subprocess.Popen[str]]:
    environ = {**os.environ, "SLUICE_WEBHOOK_SECRET": "whsec_of-the-sample-receiver"}
    command = [sys.executable, str(RECEIVER), "0"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_the_sample_receiver_takes_what_is_signed_and_nothing_else(world, receiver):
    port = int(receiver.stdout.readline().split()[-1])
    egress.configure(private_upstreams=frozenset({("127.0.0.1", port)}))
    given = {"name": "Sample", "url": f"http://127.0.0.1:{port}/"}
    made = webhooks.create(SYSTEM, world.acme.workspace.id, given, "whsec_of-the-sample-receiver")
    wrong = webhooks.create(SYSTEM, world.acme.workspace.id, {**given, "name": "Wrong"})
    for webhook in (wrong.webhook, made.webhook):
        webhook_log.test(SYSTEM, world.acme.workspace.id, webhook.id)
    jobs.redrive()
    assert [row.status for row in rows()] == [400, 204]
    assert receiver.stdout.readline().startswith('webhook.test {"')
