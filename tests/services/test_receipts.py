"""Finding and listing records: filters, keyset pages, and the time in an id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.errors import NotFound
from app.domain.ids import new_id
from app.models import RecordRow
from app.services import receipts
from app.services.receipts import Filters
from tests.world import actor_of


def call(client, tenant, **changes):
    """Make a real call and return its id."""
    headers = {**tenant.headers, **changes}
    response = client.post(tenant.url, json={"message": "Hi"}, headers=headers)
    return response.headers["X-Sluice-Request-Id"]


def copies(world, count):
    """Store copies of the one record there is, a second apart and older."""

    def work(session):
        row = session.query(RecordRow).one()
        values = {c.name: getattr(row, c.name) for c in RecordRow.__table__.columns}
        for number in range(1, count + 1):
            at = row.created_at - timedelta(seconds=number)
            session.add(RecordRow(**{**values, "id": new_id(), "created_at": at}))

    database.transaction(work)


def ids(page):
    return [row.id for row in page.rows]


def test_a_call_is_found_and_listed(client, world):
    made = call(client, world.acme)
    story = receipts.find(SYSTEM, world.acme.workspace.id, made)
    assert story.row.id == made and story.project.id == world.acme.project.id
    assert story.endpoint.slug == "hello" and story.provider_names["demo"]
    assert ids(receipts.list_page(SYSTEM, world.acme.workspace.id, Filters())) == [made]


def test_pages_follow_each_other_both_ways_without_gap_or_double(client, world, monkeypatch):
    monkeypatch.setattr(receipts, "PAGE_SIZE", 4)
    call(client, world.acme)
    copies(world, 9)
    workspace_id = world.acme.workspace.id
    first = receipts.list_page(SYSTEM, workspace_id, Filters())
    second = receipts.list_page(SYSTEM, workspace_id, Filters(), first.older)
    third = receipts.list_page(SYSTEM, workspace_id, Filters(), second.older)
    assert first.newer is None and third.older is None
    everything = ids(first) + ids(second) + ids(third)
    assert len(everything) == len(set(everything)) == 10
    back = receipts.list_page(SYSTEM, workspace_id, Filters(), third.newer)
    assert ids(back) == ids(second)
    assert receipts.list_page(SYSTEM, workspace_id, Filters(), back.newer).newer is None


def test_an_export_reads_everything_in_batches(client, world, monkeypatch):
    monkeypatch.setattr(receipts, "EXPORT_BATCH", 3)
    call(client, world.acme)
    copies(world, 7)
    exported = list(receipts.export(SYSTEM, world.acme.workspace.id, Filters()))
    assert len({row.id for row in exported}) == 8


def test_each_filter_narrows(client, world):
    made = call(client, world.acme, **{"X-Request-Id": "order-4711"})
    now, hour = datetime.now(UTC), timedelta(hours=1)
    matching = [
        Filters(outcome="succeeded"),
        Filters(endpoint_id=world.acme.endpoint.id),
        Filters(project_id=world.acme.project.id),
        Filters(who=f"key:{world.acme.key.id}"),
        Filters(model="DEMO-f"),
        Filters(model="demo"),
        Filters(source="api"),
        Filters(since=now - hour, until=now + hour),
        Filters(request_id=made),
        Filters(request_id="order-4711"),
    ]
    others = [
        Filters(outcome="failed"),
        Filters(endpoint_id=world.other.endpoint.id),
        Filters(who=f"key:{world.other.key.id}"),
        Filters(who="key:nonsense"),
        Filters(who="person:owner@acme.test"),
        Filters(model="%"),
        Filters(source="dashboard"),
        Filters(until=now - hour),
        Filters(since=now + hour),
        Filters(request_id=str(uuid4())),
        Filters(request_id="nonsense"),
    ]
    workspace_id = world.acme.workspace.id
    assert [ids(receipts.list_page(SYSTEM, workspace_id, f)) for f in matching] == [[made]] * len(matching)
    assert [ids(receipts.list_page(SYSTEM, workspace_id, f)) for f in others] == [[]] * len(others)


def test_a_young_id_without_a_record_may_still_come(world):
    assert receipts.find(SYSTEM, world.acme.workspace.id, new_id()) is None


def test_an_old_or_random_id_is_not_found(world):
    for unknown in (str(uuid4()), "01890000-0000-7000-8000-000000000000"):
        with pytest.raises(NotFound):
            receipts.find(SYSTEM, world.acme.workspace.id, unknown)


def test_another_workspace_s_record_is_not_found(client, world):
    made = call(client, world.acme)
    with pytest.raises(NotFound):
        receipts.find(actor_of(world.stranger), world.other.workspace.id, made)
    assert ids(receipts.list_page(actor_of(world.stranger), world.other.workspace.id, Filters())) == []
    with pytest.raises(NotFound):
        receipts.list_page(actor_of(world.stranger), world.acme.workspace.id, Filters())


def test_the_filters_offer_only_the_workspace_s_own(world):
    found = receipts.choices(SYSTEM, world.acme.workspace.id)
    assert found.endpoints == [(world.acme.endpoint.id, "Support / hello")]
    assert found.keys == [(f"key:{world.acme.key.id}", "Support / ci")]
    assert ("person:viewer@acme.test", "viewer@acme.test") in found.people
    assert ("person:stranger@other.test", "stranger@other.test") not in found.people
    assert found.projects == [(world.acme.project.id, "Support")] and found.providers == ["demo"]


def test_the_time_is_read_from_the_id():
    at = receipts.made_at_of(new_id())
    assert abs((datetime.now(UTC) - at).total_seconds()) < 1
