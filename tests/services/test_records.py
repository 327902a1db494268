"""The keeper of records: nothing is lost while the database is away, and no row holds up the others."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from app.domain.ids import new_id
from app.services import records as service
from app.services.records import Writer
from tests.providers_world import records
from tests.world import World


@pytest.fixture
def row(client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """One row as the pipeline makes it; not written."""
    rows: list[dict[str, Any]] = []
    with monkeypatch.context() as patch:
        patch.setattr(service.writer, "put", rows.append)
        client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers)
    return rows[0]


def waiting(rows: list[dict[str, Any]]) -> Writer:
    """A writer with these rows still to be written."""
    writer = Writer()
    writer._waiting.extend(rows)
    return writer


@pytest.mark.parametrize("bad", [{"input_tokens": 2**70}, {"outcome": None}, {"content": {1, 2}}])
def test_a_row_that_cannot_be_stored_holds_up_no_other(row: dict[str, Any], bad: dict[str, Any]) -> None:
    rows = [{**row, "id": new_id()} for _ in range(9)]
    rows[4] |= bad
    writer = waiting(rows)
    writer.flush()
    assert {record.id for record in records()} == {kept["id"] for kept in rows if kept is not rows[4]}
    assert writer.dropped == 1 and not writer._waiting


def test_a_row_that_is_there_already_is_not_written_twice(row: dict[str, Any]) -> None:
    waiting([row]).flush()
    writer = waiting([row, {**row, "id": new_id()}])
    writer.flush()
    assert len(records()) == 2 and not writer._waiting


def test_rows_wait_in_order_while_the_database_is_away(
    row: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{**row, "id": new_id()} for _ in range(3)]
    writer = waiting(rows)
    with monkeypatch.context() as patch:

        def away(session: object, batch: object) -> None:
            raise OperationalError("insert", {}, OSError("gone"))

        patch.setattr(service, "write_rows", away)
        writer.flush()
    assert list(writer._waiting) == rows and writer.dropped == 0
    writer.flush()
    assert len(records()) == 3
