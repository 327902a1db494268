"""Erasing an end user: the name is nowhere any more, and every sum stays as it was."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.errors import InvalidInput, NotAllowed, NotFound
from app.domain.ids import new_id
from app.models import (
    AuditEvent,
    ChatSession,
    IdempotencyKey,
    Memory,
    RecordRow,
    ReportedHour,
    Reservation,
    UsageHour,
)
from app.services import erasures, projects, usage_hours
from app.services.erasures import Erased
from app.services.usage_hours import SUMS
from tests.money import rows
from tests.usage_world import row, write
from tests.world import World, actor_of

NOW = datetime.now(UTC)
NAME = "ann@example.test"


def kept(world: World) -> None:
    """What is known of Ann: calls of several hours, one with a hold, and things said."""
    acme = world.acme
    place = {"workspace_id": acme.workspace.id, "project_id": acme.project.id}
    later = NOW + timedelta(hours=1)
    session = ChatSession(
        id=new_id(), **place, key_id=acme.key.id, endpoint_id=acme.endpoint.id, used_at=NOW, expires_at=later
    )
    said = {"content": {"messages": ["Hi"]}, "context": {"country": "de"}, "end_user": NAME}
    verdict = [{"kind": "judge", "detail": "Ann asks of her illness.", "kinds": []}]
    calls = [row(acme, NOW - timedelta(hours=n), **said, plan="pro", cost_nano_usd=n) for n in range(5)]
    calls[0] |= {"session_id": session.id}
    write(
        *calls,
        row(acme, end_user=NAME, guardrails=verdict),
        row(acme, end_user="bob"),
        row(world.other, end_user=NAME),
    )
    reported = [row(acme, source="reported", end_user=NAME, cost_nano_usd=8)]
    hold = Reservation(
        id=calls[1]["id"], workspace_id=acme.workspace.id, account_id=acme.key.account_id, prepaid=False,
        amount_nano_usd=1, amount_tokens=1, input_nano_usd=1, input_tokens=1, period_ids=[], state="settled",
        about={"end_user": NAME}, expires_at=later,
    )  # fmt: skip
    answered = IdempotencyKey(
        id=new_id(), **place, key="k", fingerprint="f", request_id=calls[1]["id"], state="done", status=200,
        answer=b"Dear Ann", expires_at=later,
    )  # fmt: skip
    memory = Memory(id=new_id(), **place, end_user=NAME, content="My name is Ann.")

    def work(db: Any) -> None:
        usage_hours.add(db, reported, ReportedHour)
        db.add_all([session, hold, answered, memory])

    database.transaction(work)


def sums(table: Any) -> dict[str, int]:
    """The sums over a whole table."""
    return {name: sum(getattr(each, name) for each in rows(table)) for name in SUMS}


def named(table: Any, world: World) -> list[Any]:
    """Acme's rows that still name Ann."""
    return [r for r in rows(table) if r.end_user == NAME and r.workspace_id == world.acme.workspace.id]


def test_everything_goes_and_no_sum_changes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasures, "BATCH", 2)
    kept(world)
    before, reported = sums(UsageHour), sums(ReportedHour)
    done = erasures.erase(actor_of(world.admin), world.acme.workspace.id, NAME)
    assert done == Erased(requests=6, conversations=1, memories=1, is_done=True)
    assert (sums(UsageHour), sums(ReportedHour)) == (before, reported)
    for table in (RecordRow, UsageHour, ReportedHour, Memory):
        assert named(table, world) == [], table
    gone = [r for r in rows(RecordRow) if r.end_user == "(erased)"]
    assert len(gone) == 6 and {(r.content, r.context) for r in gone} == {(None, None)}
    assert all("Ann" not in str(r.guardrails) for r in gone)
    assert (
        rows(ChatSession) == []
        and rows(IdempotencyKey)[0].answer is None
        and rows(Reservation)[0].about == {}
    )
    assert {r.end_user for r in rows(RecordRow) if r.workspace_id == world.other.workspace.id} == {NAME}
    usage_hours.rebuild({hour.starts_at for hour in rows(UsageHour)})
    assert sums(UsageHour) == before and named(UsageHour, world) == []


def test_it_is_told_without_the_name_and_the_second_time_not_at_all(world: World) -> None:
    kept(world)
    for expected in (6, 0):
        assert erasures.erase(SYSTEM, world.acme.workspace.id, NAME).requests == expected
    query = select(AuditEvent).where(AuditEvent.action == "end_user.erase")
    (event,) = database.read(lambda session: list(session.scalars(query)))
    assert len(event.object_label) == 12 and NAME not in str((event.object_label, event.changes))


def test_a_long_one_goes_on_in_the_background(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[tuple[str, ...]] = []
    monkeypatch.setattr(erasures.queue, "ring", lambda path, *ids: rung.append((path, *ids)))
    kept(world)
    erasures.erase(SYSTEM, world.acme.workspace.id, NAME, seconds=0.0)
    ((path, *args),) = rung
    assert path == "app.jobs.end_users.erase" and erasures.go_on(*args).is_done
    assert named(RecordRow, world) == named(UsageHour, world) == []


def test_only_one_projects_or_accounts_calls_where_a_key_asks(world: World) -> None:
    place = world.acme.workspace.id
    shop = projects.create(SYSTEM, place, {"name": "Shop"})
    write(row(world.acme, end_user=NAME), row(world.acme, end_user=NAME, project_id=shop.id))
    erasures.run(erasures.Who(place, NAME, shop.id, world.acme.key.account_id), 9)
    assert [r.project_id for r in named(RecordRow, world)] == [world.acme.project.id]
    assert [h.project_id for h in named(UsageHour, world)] == [world.acme.project.id]


def test_who_may(world: World) -> None:
    kept(world)
    with pytest.raises(NotAllowed):
        erasures.erase(actor_of(world.teammate), world.acme.workspace.id, NAME)
    with pytest.raises(NotFound):
        erasures.erase(actor_of(world.stranger), world.acme.workspace.id, NAME)
    for name in ("", "(erased)", "(other)", "x" * 201):
        with pytest.raises(InvalidInput):
            erasures.erase(SYSTEM, world.acme.workspace.id, name)
    assert len(named(RecordRow, world)) == 6


def test_calls_that_are_written_meanwhile_are_all_counted(world: World) -> None:
    def call(_: int) -> None:
        write(row(world.acme, NOW, end_user=NAME), row(world.acme, NOW, end_user="bob"))

    who = erasures.Who(world.acme.workspace.id, NAME)
    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(call, n) for n in range(8)] + [
            pool.submit(erasures.run, who, 9) for _ in range(3)
        ]
        assert all(each.exception() is None for each in work)
    assert erasures.run(who, 9).is_done and named(RecordRow, world) == named(UsageHour, world) == []
    assert sums(UsageHour)["calls"] == len(rows(RecordRow)) == 16
