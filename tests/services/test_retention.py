"""What is kept, for how long: content goes on time, records stay, partitions come before they are needed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text, update

from app.database import database
from app.domain.actors import SYSTEM
from app.models import LoginAttempt, RecordRow
from app.services import projects, record_rows, retention
from tests.databases import ON_POSTGRESQL
from tests.providers_world import records as all_records
from tests.usage_world import row, write
from tests.world import World


def kept_call(client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch) -> RecordRow:
    """Make a call whose content is kept, and return its record."""
    monkeypatch.setattr(record_rows.content_allowed, "allowed", True)
    projects.update(SYSTEM, world.acme.workspace.id, world.acme.project.id, {"log_content": True})
    client.post(world.acme.url, json={"message": "a thought"}, headers=world.acme.headers)
    (record,) = all_records()
    return record


@pytest.mark.parametrize(("days_old", "is_kept"), [(29, True), (31, False)])
def test_content_is_forgotten_after_its_days(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch, days_old: int, is_kept: bool
) -> None:
    record = kept_call(client, world, monkeypatch)
    assert record.content is not None and record.content["messages"][-1]["content"] == "a thought"
    past = record.created_at - timedelta(days=days_old)
    database.transaction(lambda session: session.execute(update(RecordRow).values(created_at=past)))
    retention.purge_content()
    (left,) = all_records()
    assert (left.content is not None) == is_kept and left.output_tokens == record.output_tokens


def test_sign_in_attempts_are_forgotten_after_a_day(world: World) -> None:
    for hours in (1, 30):
        made = datetime.now(UTC) - timedelta(hours=hours)
        row = LoginAttempt(subject=f"s{hours}", created_at=made)
        database.transaction(lambda session, row=row: session.add(row))
    retention.purge_leftovers()
    subjects = database.read(lambda session: list(session.scalars(select(LoginAttempt.subject))))
    assert subjects == ["s1"]


@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has no partitions")
def test_rows_that_came_before_their_partition_move_into_it(client: FlaskClient, world: World) -> None:
    client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers)
    later = datetime.now(UTC).replace(day=1) + timedelta(days=200)
    database.transaction(lambda session: session.execute(update(RecordRow).values(created_at=later)))
    database.transaction(lambda session: retention.make_partitions_from(session, later))
    name = f"records_{later:%Y_%m}"
    count = database.read(lambda session: session.scalar(text(f"SELECT count(*) FROM {name}")))
    assert count == 1 and len(all_records()) == 1


@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has no partitions")
def test_a_call_before_its_partition_is_recorded_found_and_moved_while_others_write(
    client: FlaskClient, world: World
) -> None:
    for name in partitions():
        drop = text(f"DROP TABLE {name}")
        database.transaction(lambda session, drop=drop: session.execute(drop))  # type: ignore[misc]
    calls = [partial(write, row(world.acme)) for _ in range(20)]
    with ThreadPoolExecutor(4) as pool:
        before = [pool.submit(call) for call in calls[:10]]
        moved = pool.submit(retention.make_partitions)
        after = [pool.submit(call) for call in calls[10:]]
        assert [each.result() for each in (*before, moved, *after)] == [None] * 21
    assert len(all_records()) == 20 and len(partitions()) == 3
    left = database.read(lambda session: session.scalar(text("SELECT count(*) FROM records_default")))
    assert left == 0


def partitions() -> list[str]:
    """The months that have a partition."""
    query = text("SELECT relname FROM pg_class WHERE relname ~ '^records_[0-9]{4}_[0-9]{2}$'")
    return database.read(lambda session: list(session.scalars(query)))
