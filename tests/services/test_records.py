"""The keeper of records: nothing is lost while the database is away, and no row holds up the others."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app.database import database
from app.domain.ids import new_id
from app.models import Alert, RecordRow
from app.services import record_rows
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


def lost_alerts() -> list[dict[str, Any]]:
    """The facts of the alerts about lost records."""
    query = select(Alert.facts).where(Alert.kind == "records_lost")
    return database.read(lambda session: list(session.scalars(query)))


def test_lost_rows_are_counted_and_their_workspace_is_told_once_a_day(
    client: FlaskClient, row: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_WAITING", 2)
    writer = waiting([{**row, "id": new_id()} for _ in range(2)])
    for _ in range(3):
        writer.put({**row, "id": new_id()})
    assert writer.dropped == 3 and lost_alerts() == []  # nobody could be told yet
    writer.flush()
    assert lost_alerts() == [{"calls": 3}] and len(records()) == 2
    writer._waiting.append({**row, "outcome": None})
    writer.flush()
    assert lost_alerts() == [{"calls": 4}] and writer.dropped == 4
    monkeypatch.setattr(service, "writer", writer)
    assert client.get("/readyz").json == {"status": "ready", "records_lost": 4}


def test_what_is_lost_is_told_once_the_database_is_there_again(
    row: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_WAITING", 1)
    writer = waiting([row])
    writer.put({**row, "id": new_id()})
    with monkeypatch.context() as patch:

        def away(work: object) -> None:
            raise OperationalError("insert", {}, OSError("gone"))

        patch.setattr(database, "transaction", away)
        writer.flush()
    assert writer.dropped == 1 and lost_alerts() == []
    writer.flush()
    assert lost_alerts() == [{"calls": 1}] and len(records()) == 1


def test_too_much_content_waits_without_it(row: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_BYTES", 10)
    kept = {"messages": [], "answer": "twelve bytes"}
    with monkeypatch.context() as patch:
        patch.setattr(Writer, "flush", lambda self: None)
        writer = Writer()
        for size in (6, 6, 4):
            writer.put({**row, "id": new_id(), "content": kept, "content_bytes": size})
    writer.flush()
    assert sorted(record.content is None for record in records()) == [False, False, True]
    writer.put({**row, "id": new_id(), "content": kept, "content_bytes": 10})
    assert sum(record.content is None for record in records()) == 1


AWKWARD = "tab\t newline\n return\r back\\slash quote\" 'single' \\N \\. {brace} \u00fc \U0001f600 \x07"


def test_texts_of_every_kind_come_back_as_they_were(row: dict[str, Any]) -> None:
    half = {"answer": "x" + AWKWARD, "number": 2**63, "nothing": None, "list": [True, 1.5, {"a": []}]}
    waiting(
        [{**row, "error_message": AWKWARD, "caller_label": "\\N", "end_user": "", "content": half}]
    ).flush()
    (record,) = records()
    assert (record.error_message, record.caller_label, record.end_user) == (AWKWARD, "\\N", "")
    assert record.content == half and record.created_at == row["created_at"]


def test_what_a_row_does_not_say_is_as_in_a_blank_one(row: dict[str, Any]) -> None:
    few = ("error_code", "policy_key", "rollout_id", "tag", "routing", "extras", "session_id", "reported")
    assert not row.keys() & set(few)
    waiting([row]).flush()
    (record,) = records()
    assert [getattr(record, name) for name in few] == [None] * len(few)
    assert (record.cached, record.shortfall_nano_usd, record.estimated) == (False, 0, row["estimated"])


def test_every_column_is_written_and_nothing_else() -> None:
    facts = {*record_rows.OF_SUMS}
    assert set(record_rows.BLANK) - facts == {column.name for column in RecordRow.__table__.columns}
